"""Material to measure on: acted, written, composed and published sessions."""
