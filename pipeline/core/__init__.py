"""What everything rests on: time, tables, errors, names. It imports nothing else of Tether."""
