"""gRPC and HTTP: decode, call, encode; the table of failures; health; logs and metrics of calls."""
