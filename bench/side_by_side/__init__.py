"""What users would pick instead of sessiond, each configured as its documentation recommends."""
