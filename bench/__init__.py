"""What sessiond costs, measured and printed; nothing here asserts."""
