"""How much one call demands to be known of revocations, beyond what every answer rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sessiond_server.domain.revocation import Position


@dataclass(frozen=True, slots=True)
class AtLeastAsFresh:
    """Everything that was known at a revision, which consists of these positions."""

    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class FullyConsistent:
    """Everything that was revoked before the call, at whichever server."""


Consistency: TypeAlias = AtLeastAsFresh | FullyConsistent
