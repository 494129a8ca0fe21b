"""How fresh the knowledge of revocations behind a verdict must be, where the default will not do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from sessiond.v1 import session_pb2


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Everything that was known at a revision, such as that of a `RevocationResult`.

    The server waits up to 1 s for it. What is no revision of its store is an `InvalidArgumentError`.
    """

    revision: str


@dataclass(frozen=True, slots=True)
class FullyConsistent:
    """Everything that was revoked before the call, at whichever server: a round trip to the store."""


@dataclass(frozen=True, slots=True)
class FromServer:
    """What a server knows now: nothing from this client's memory, and no call that is shared with others."""


FULLY_CONSISTENT: Final = FullyConsistent()
FROM_SERVER: Final = FromServer()
Consistency: TypeAlias = AtLeast | FullyConsistent | FromServer


def to_message(consistency: Consistency | None) -> session_pb2.Consistency | None:
    """The message; there is none for what the asked server knows.

    Raises:
        TypeError: it is something else. A demand that is not understood must not go unheard.
    """
    match consistency:
        case None | FromServer():
            return None
        case AtLeast(revision):
            return session_pb2.Consistency(at_least_as_fresh=session_pb2.AtLeastAsFresh(revision=revision))
        case FullyConsistent():
            return session_pb2.Consistency(fully_consistent=session_pb2.FullyConsistent())
        case _:
            raise TypeError(
                "consistency is FULLY_CONSISTENT, FROM_SERVER, AtLeast(revision) or None, "
                f"not {type(consistency).__name__}"
            )
