"""The workspace on disk: artifacts, the database, what a run left, decisions."""
