"""Secrets and certificates in files."""
