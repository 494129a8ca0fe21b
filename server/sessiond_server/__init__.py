"""The sessiond server: validates, refreshes and revokes sessions for backends in any language."""

__version__ = "0.1.0"
