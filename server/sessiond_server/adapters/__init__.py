"""The outside world behind ports: the store and its process, JWT, HTTP, secrets, telemetry, clock, log."""
