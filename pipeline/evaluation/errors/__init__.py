"""Errors of each kind of result, one file per kind."""
