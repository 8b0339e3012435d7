"""The learned reader: examples that were written for it, training, calibration."""
