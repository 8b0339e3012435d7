"""Searching settings without fooling oneself."""
