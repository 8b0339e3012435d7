"""How well Tether works, measured against references that others made."""
