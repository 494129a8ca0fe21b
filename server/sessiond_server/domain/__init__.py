"""Values and pure decisions: no I/O, no clock, no library beyond the standard one."""
