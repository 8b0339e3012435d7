"""What rules are worth, against what people coded."""
