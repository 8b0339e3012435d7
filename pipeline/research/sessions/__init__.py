"""Processed sessions of a workspace, as they are or as other settings see them."""
