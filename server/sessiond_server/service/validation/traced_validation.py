"""Validation that tells a call's trace what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from typing_extensions import override

from sessiond_server.domain.confirmation import Evidence
from sessiond_server.domain.consistency import Consistency
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.tracing import Tracer
from sessiond_server.service.validation.validate import Undecided, ValidationResult

_ACCEPTED: Final = "ACCEPTED"


class TokenValidation(Protocol):
    """Decides on tokens for callers; see `Validation`."""

    async def validate(
        self,
        token: bytes,
        requirements: Requirements,
        *,
        proof: Evidence | None = None,
        consistency: Consistency | None = None,
        caller_known_until: float | None = None,
    ) -> ValidationResult:
        """Decide on one token."""

    async def validate_all(
        self,
        tokens: Sequence[bytes],
        requirements: Requirements,
        *,
        consistency: Consistency | None = None,
        caller_known_until: float | None = None,
    ) -> list[ValidationResult | Undecided]:
        """Decide on many tokens."""


class TracedValidation(TokenValidation):
    """Notes the verdict on one token; many have many."""

    def __init__(self, validation: TokenValidation, tracer: Tracer) -> None:
        self._validation = validation
        self._tracer = tracer

    @override
    async def validate(
        self,
        token: bytes,
        requirements: Requirements,
        *,
        proof: Evidence | None = None,
        consistency: Consistency | None = None,
        caller_known_until: float | None = None,
    ) -> ValidationResult:
        result = await self._validation.validate(
            token,
            requirements,
            proof=proof,
            consistency=consistency,
            caller_known_until=caller_known_until,
        )
        verdict = result.verdict
        if isinstance(verdict, Rejected):
            self._tracer.judged(verdict.reason.name, None)
        else:
            self._tracer.judged(_ACCEPTED, verdict.claims.issuer)
        return result

    @override
    async def validate_all(
        self,
        tokens: Sequence[bytes],
        requirements: Requirements,
        *,
        consistency: Consistency | None = None,
        caller_known_until: float | None = None,
    ) -> list[ValidationResult | Undecided]:
        return await self._validation.validate_all(
            tokens, requirements, consistency=consistency, caller_known_until=caller_known_until
        )
