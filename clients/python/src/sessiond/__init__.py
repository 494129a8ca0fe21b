"""The Python client of sessiond: typed results over the generated stubs in `sessiond.v1`."""

from sessiond.blocking import Client
from sessiond.client import AsyncClient
from sessiond.errors import (
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RefreshRefusedError,
    SessiondError,
    UnavailableError,
    UnsupportedError,
)
from sessiond.results import (
    Actor,
    Cause,
    Device,
    NextAction,
    Reason,
    Rejection,
    Revocation,
    Session,
    SessionRecord,
    Tokens,
    Verdict,
)

__all__ = [
    "Actor",
    "AsyncClient",
    "Cause",
    "Client",
    "Device",
    "InternalError",
    "InvalidArgumentError",
    "NextAction",
    "NotFoundError",
    "PermissionDeniedError",
    "Reason",
    "RefreshRefusedError",
    "Rejection",
    "Revocation",
    "Session",
    "SessionRecord",
    "SessiondError",
    "Tokens",
    "UnavailableError",
    "UnsupportedError",
    "Verdict",
]
