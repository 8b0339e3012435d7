"""Search for better settings without overfitting."""
