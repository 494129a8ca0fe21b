"""Where the measurements go."""
