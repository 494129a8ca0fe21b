"""Tokens and keys: the only home of PyJWT, and of the parser that stands before it."""
