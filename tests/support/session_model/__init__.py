"""Real servers, store and provider under a clock, links and faults of a test, and what must hold there."""
