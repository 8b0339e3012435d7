"""Pitch trackers."""
