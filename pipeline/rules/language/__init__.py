"""Rule files: what may stand in them, and compiling them."""
