"""Transcribers: speech to words."""
