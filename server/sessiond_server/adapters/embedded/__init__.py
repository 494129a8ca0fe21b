"""The embedded store: a real Valkey server in a directory of ours."""
