"""Tells what was done to sessions, by whom, for whoever has to answer for that later."""
