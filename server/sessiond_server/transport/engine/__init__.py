"""The gRPC engine behind its port."""
