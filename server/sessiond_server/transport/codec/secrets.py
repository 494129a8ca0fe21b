"""Secrets in requests: errors tell their size alone."""

from __future__ import annotations

from typing import Final

from sessiond_server.domain.refresh_token import REFRESH_PREFIX
from sessiond_server.transport.codec.refusals import FieldInvalidError

_MAX_BYTES: Final = 8192


def secret(value: str, *, field: str) -> str:
    """A required secret of at most 8 KiB."""
    size = len(value.encode())
    if not 1 <= size <= _MAX_BYTES:
        raise FieldInvalidError(field, found=f"{size} bytes", allowed=f"1 to {_MAX_BYTES} bytes")
    return value


def provider_refresh_token(value: str, *, field: str) -> str:
    """A provider's refresh token, which is to be sent there.

    One of our own belongs to a session here, and is no provider's business.
    """
    if value.startswith(REFRESH_PREFIX):
        found, allowed = "a refresh token of sessiond's own", "one that the provider gave out"
        raise FieldInvalidError(field, found=found, allowed=allowed)
    return secret(value, field=field)
