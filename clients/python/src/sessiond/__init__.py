"""The Python client of sessiond: typed results over the generated stubs in `sessiond.v1`."""

from sessiond.access import Tls
from sessiond.blocking import Client
from sessiond.cache import Cache
from sessiond.client import AsyncClient
from sessiond.consistency import (
    FROM_SERVER,
    FULLY_CONSISTENT,
    AtLeast,
    Consistency,
    FromServer,
    FullyConsistent,
)
from sessiond.current import current_session
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
from sessiond.observer import Numbers, Observer, Outcome, WatchState
from sessiond.policy import Policy
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
from sessiond.revocations import (
    Freshness,
    PartitionStatus,
    RevocationEvent,
    RevocationStatus,
    WatchEvent,
    WatchReset,
    WatchStarted,
)

__version__ = "0.1.0"

__all__ = [
    "FROM_SERVER",
    "FULLY_CONSISTENT",
    "Actor",
    "AsyncClient",
    "AtLeast",
    "AuthorizationCode",
    "Cache",
    "Cause",
    "Client",
    "Consistency",
    "Device",
    "DpopProof",
    "Freshness",
    "FromServer",
    "FullyConsistent",
    "InternalError",
    "InvalidArgumentError",
    "LoginRefusedError",
    "NextAction",
    "NotFoundError",
    "Numbers",
    "Observer",
    "Outcome",
    "PartitionStatus",
    "PermissionDeniedError",
    "Policy",
    "ProviderTokens",
    "Reason",
    "RefreshRefusedError",
    "Rejection",
    "RevocationEvent",
    "RevocationResult",
    "RevocationStatus",
    "Session",
    "SessionRecord",
    "SessiondError",
    "Tls",
    "Tokens",
    "UnavailableError",
    "Undecided",
    "UnsupportedError",
    "Verdict",
    "WatchEvent",
    "WatchReset",
    "WatchStarted",
    "WatchState",
    "current_session",
]
