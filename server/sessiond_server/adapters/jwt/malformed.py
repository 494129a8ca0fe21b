"""The one way in which reading fails."""

from __future__ import annotations


class MalformedError(ValueError):
    """What was read has not the form that it must have; the message is constant text, without anything of the content."""
