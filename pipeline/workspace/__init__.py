"""The workspace on disk: artifacts, run manifests, the database, decisions."""
