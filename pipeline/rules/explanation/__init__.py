"""Why: evidence, caveats, and a trace of every rule."""
