"""Tether: candidate withdrawal and confrontation moments in recorded therapy sessions."""

__version__ = "0.1.0"
