"""The one way in which reading fails."""

from __future__ import annotations


class MalformedError(ValueError):
    """What was read does not have the form that it must have.

    The message is constant text, without anything of the content.
    """
