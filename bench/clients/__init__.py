"""What the clients of the four languages cost, measured side by side, each by a program in its language."""
