"""Processes of our own: how they are started, and how they and their parent talk."""
