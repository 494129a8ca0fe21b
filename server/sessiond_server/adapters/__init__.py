"""The outside world behind ports: JWT, keys, the store and its process."""
