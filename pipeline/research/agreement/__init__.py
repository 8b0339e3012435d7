"""Moments against what people coded: placing codes, matching, counting, intervals."""
