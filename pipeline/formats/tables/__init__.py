"""Tables: CSV and TSV as people leave them, and transcripts in them."""
