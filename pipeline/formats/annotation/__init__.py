"""Tiers of annotation tools: ELAN and Praat, as transcripts and as codes."""
