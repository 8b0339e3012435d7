"""The base of all packages: time, tables, errors, names. Imports nothing else from Tether."""
