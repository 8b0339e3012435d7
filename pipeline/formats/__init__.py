"""Files of other tools: read and written, one format a file."""
