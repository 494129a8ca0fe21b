"""The command line: what a person types, and the tables that answer it."""
