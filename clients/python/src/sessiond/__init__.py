"""The Python client of sessiond: typed results over the generated stubs in `sessiond.v1`."""

from sessiond.access import Tls
from sessiond.blocking import Client
from sessiond.client import AsyncClient
from sessiond.consistency import FULLY_CONSISTENT, AtLeast, Consistency, FullyConsistent
from sessiond.errors import (
    InternalError,
    InvalidArgumentError,
    LoginRefusedError,
    NotFoundError,
    PermissionDeniedError,
    RefreshRefusedError,
    SessiondError,
    UnavailableError,
    UnsupportedError,
)
from sessiond.requests import AuthorizationCode, DpopProof, ProviderTokens
from sessiond.results import (
    Actor,
    Cause,
    Device,
    NextAction,
    Reason,
    Rejection,
    RevocationResult,
    Session,
    SessionRecord,
    Tokens,
    Undecided,
    Verdict,
)

__all__ = [
    "FULLY_CONSISTENT",
    "Actor",
    "AsyncClient",
    "AtLeast",
    "AuthorizationCode",
    "Cause",
    "Client",
    "Consistency",
    "Device",
    "DpopProof",
    "FullyConsistent",
    "InternalError",
    "InvalidArgumentError",
    "LoginRefusedError",
    "NextAction",
    "NotFoundError",
    "PermissionDeniedError",
    "ProviderTokens",
    "Reason",
    "RefreshRefusedError",
    "Rejection",
    "RevocationResult",
    "Session",
    "SessionRecord",
    "SessiondError",
    "Tls",
    "Tokens",
    "UnavailableError",
    "Undecided",
    "UnsupportedError",
    "Verdict",
]
