"""How far each kind of result is off, one file a kind."""
