"""Readers: which rupture markers a reply shows, given what was said before it."""
