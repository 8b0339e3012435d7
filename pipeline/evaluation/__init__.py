"""Measure how well Tether works, against independent references."""
