"""The few things that must be HTTP."""
