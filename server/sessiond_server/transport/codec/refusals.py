"""What is wrong with a request: failures that know the names of its fields."""

from __future__ import annotations

from sessiond_server.domain.failures import Failure


class FieldInvalidError(Failure):
    """A request field has a value that is not allowed.

    `found` describes the value without repeating a secret (a token is described by its length).
    """

    def __init__(self, field: str, *, found: str, allowed: str) -> None:
        super().__init__(field)
        self.field = field
        self.found = found
        self.allowed = allowed


class MessageMalformedError(Failure):
    """The request is not a message of the method's type."""


class FeatureUnsupportedError(Failure):
    """The request asks for something that this version does not carry out."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field
