"""What one request demands of a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Requirements:
    """What must hold beyond the token being good; empty `issuers` and `audiences` mean the configured ones.

    Each claim that `claims` names must have one of its values; all scopes and permissions must be there; any
    one audience will do. `permitted_issuers` are those whose tokens the caller may ask about; None means all.
    The user must have proved who they are in one of the ways `acr_values`, and at most `max_auth_age_seconds`
    ago (RFC 9470). `early_seconds` is no demand but an allowance: by how much more than the clock of its
    issuer may be ahead the token may be early.
    """

    issuers: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    acr_values: tuple[str, ...] = ()
    max_auth_age_seconds: float | None = None
    permitted_issuers: frozenset[str] | None = None
    early_seconds: float = 0.0

    def admits(self, issuer: str) -> bool:
        """Whether a token of this issuer can be accepted at all."""
        if self.permitted_issuers is not None and issuer not in self.permitted_issuers:
            return False
        return not self.issuers or issuer in self.issuers


# What most requests demand, made once: making it anew would be a tenth of what a known token costs.
NO_REQUIREMENTS: Final = Requirements()
