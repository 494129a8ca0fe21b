"""The port of logging: constant text plus fields, and never a token, a secret or a library's message."""

from __future__ import annotations

from typing import Protocol


class Logger(Protocol):
    """A structured logger."""

    def info(self, event: str, **fields: object) -> object:
        """Something that an operator may want to know."""

    def warning(self, event: str, **fields: object) -> object:
        """Something that went wrong and is being dealt with."""

    def error(self, event: str, **fields: object) -> object:
        """Something that needs a person."""
