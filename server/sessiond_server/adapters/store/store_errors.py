"""What is wrong with the store, by name: it is told when it begins and when it is over."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from sessiond_server.service.logger import Logger

# What we call it ourselves: too few replicas have confirmed a write.
_NOT_REPLICATED: Final = "not replicated"
# The words that an error of the store may begin with, and that are repeated; nothing else of it is.
_WRITES_REFUSED: Final = frozenset({"OOM", "READONLY", "MISCONF", "NOREPLICAS"})
# A script of ours says so where it was to log something new, and has changed nothing.
LOG_FULL: Final = "LOG_FULL"
_NOT_KEPT: Final = _WRITES_REFUSED | {_NOT_REPLICATED}
# What we call it ourselves: no sentinel, or no node of a cluster, names the primary.
_NO_PRIMARY: Final = "no primary"
# Theirs or ours: the other side does not take it.
_CERTIFICATE: Final = "certificate"
_FOR_A_PERSON: Final = _NOT_KEPT | {
    *(LOG_FULL, "WRONGPASS", "NOAUTH", "NOPERM", "DENIED", "CROSSSLOT", _NO_PRIMARY, _CERTIFICATE),
    # A cluster, behind the URL of one node.
    *("MOVED", "ASK"),
}
# A script of ours says so of itself, and has changed nothing.
LATE: Final = "LATE"
_PASSING: Final = frozenset({"BUSY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", LATE})
_CODES: Final = _FOR_A_PERSON | _PASSING
# A command that our user may not run within a script is not NOPERM: Valkey and Redis before it say it so.
_NOT_PERMITTED: Final = ("ACL failure in script", "The user executing the script")
_NO_CONNECTION_FREE: Final = "No connection available."
# A slot is being moved key by key, and the script needs one that is not here: nobody can run it meanwhile.
_ELSEWHERE: Final = "Script attempted to access a non local key in a cluster node"
# Behind these there may be another primary.
_MAY_HAVE_MOVED: Final = frozenset(
    {
        "connection",
        "timeout",
        "READONLY",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "LOADING",
        "NOREPLICAS",
        _NOT_REPLICATED,
    }
)
# What happens on the way to the store, the more telling first.
_ON_THE_WAY: Final[dict[str, tuple[type[Exception], ...]]] = {
    _CERTIFICATE: (ssl.SSLError,),
    "timeout": (RedisTimeoutError, TimeoutError),
    "connection": (RedisConnectionError, OSError),
}
# For so long nobody may have met an error before it counts as over: at the edge of its memory a store refuses
# one write and takes the next.
_QUIET_SECONDS: Final = 5.0


class OwnError(RedisError):
    """An error that no store has given; `kind` is what it is called."""

    kind = "other"


class NotReplicatedError(OwnError):
    """Too few replicas have confirmed a write in time."""

    kind = _NOT_REPLICATED


class NoPrimaryError(OwnError):
    """Nobody who should know says which node takes writes."""

    kind = _NO_PRIMARY


class TooManyRedirectionsError(OwnError):
    """The nodes of a cluster send us from one to the other: they do not agree yet on who has a slot."""

    kind = "TRYAGAIN"


def may_have_moved(error: Exception) -> bool:
    """Whether another node may be the primary now, as far as this error says."""
    return kind_of(error) in _MAY_HAVE_MOVED


def kind_of(error: Exception) -> str | None:
    """The store's code for an error, or what happened on the way to it, in one word.

    None stands for an answer without a code of ours: then it is the script that is wrong.
    """
    chain = list(_with_causes(error))
    for one in chain:
        if (code := _code_of(one)) in _CODES:
            return code
    if isinstance(error, OwnError):
        return error.kind
    if str(error) == _NO_CONNECTION_FREE:
        return "connections busy"
    for kind, types in _ON_THE_WAY.items():
        if any(isinstance(one, types) for one in chain):
            return kind
    return None if isinstance(error, ResponseError) else "other"


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was made from: what fails while a connection is opened is wrapped."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _code_of(error: BaseException) -> str:
    """The word that the store's answer began with; the client takes it off where it knows it."""
    text = str(error)
    if text.startswith(_NOT_PERMITTED):
        return "NOPERM"
    if _ELSEWHERE in text:
        return "TRYAGAIN"
    return getattr(error, "status_code", None) or text.partition(" ")[0]


class StoreErrors:
    """The errors that the store gives at present, each by its kind.

    One begins with the first call that meets it. It is over when a write has come through everywhere that was
    sent when nobody had met the error for five seconds: that other calls fare well says nothing of those that
    do not.
    """

    def __init__(self, *, logger: Logger, steady: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._steady = steady
        self._last_met: dict[str, float] = {}

    @property
    def writes_refused_for(self) -> str | None:
        """Why the store takes no writes, or does not keep them; None where it does as far as is known."""
        return next((kind for kind in self._last_met if kind in _NOT_KEPT), None)

    def met(self, kind: str) -> None:
        """A call has failed with an error of this kind."""
        is_new = kind not in self._last_met
        self._last_met[kind] = self._steady()
        if is_new:
            say = self._logger.error if kind in _FOR_A_PERSON else self._logger.warning
            say("the store does not do as told", kind=kind)

    def now(self) -> float:
        """When a write is sent, as `written` wants it."""
        return self._steady()

    def written(self, *, sent: float) -> None:
        """A write that was sent at `sent` has come through in every partition."""
        over = [kind for kind, last in self._last_met.items() if sent - last >= _QUIET_SECONDS]
        for kind in over:
            del self._last_met[kind]
            self._logger.info("the store does as told again", kind=kind)
