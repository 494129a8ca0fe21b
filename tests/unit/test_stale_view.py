"""A view of revocations that is too old is caught up with once, before anybody is told that it is."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.domain.failures import RevocationViewStaleError
from sessiond_server.domain.requirements import NO_REQUIREMENTS
from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.signed import SignedTokens
from sessiond_server.service.validation.token_cache import TokenCache, VerifiedToken
from sessiond_server.service.validation.validate import Validation
from tests.support.fakes import FakeClock
from tests.support.vectors import DEFAULTS, MAX_TOKEN_BYTES, NOW, UsedProofs, token_of, trusted_of

GOOD = token_of({}).encode()
BOUND = token_of({"claims": {"cnf": {"jkt": "thumbprint"}}}).encode()


class OldView:
    """Is too old until it has been read."""

    max_staleness_seconds = 1.0
    age_seconds = 0.0
    revision = ""

    def __init__(self) -> None:
        self.read: list[int] = []

    def partition_of(self, _ids: Any) -> int:
        return 3

    def age_of(self, _partition: int) -> float:
        return 0.0

    def revokes(self, _ids: Any) -> bool:
        if not self.read:
            raise RevocationViewStaleError
        return False

    async def catch_up(self, partition: int) -> None:
        self.read.append(partition)


@pytest.fixture
def view() -> OldView:
    return OldView()


@pytest.fixture
def validation(view: OldView) -> Validation:
    clock, revocations = FakeClock(NOW), view
    signed = SignedTokens(
        [trusted_of(DEFAULTS["claims"]["iss"], {})],
        parser=StrictTokenParser(MAX_TOKEN_BYTES),
        cache=TokenCache(max_bytes=1 << 20),
        max_token_bytes=MAX_TOKEN_BYTES,
        encode=lambda _: b"",
    )
    possession = ProofOfPossession(read_proof=read_proof, memory=UsedProofs(), clock=clock)
    return Validation(signed, revocations=revocations, possession=possession, clock=clock)


async def test_one_token_is_answered_after_one_read(validation: Validation, view: OldView) -> None:
    result = await validation.validate(GOOD, NO_REQUIREMENTS)
    assert isinstance(result.verdict, VerifiedToken)
    assert view.read == [3]


async def test_many_tokens_are_answered_after_one_read(validation: Validation, view: OldView) -> None:
    good, bound, again = await validation.validate_all([GOOD, BOUND, GOOD], NO_REQUIREMENTS)
    assert isinstance(good.verdict, VerifiedToken)
    assert isinstance(again.verdict, VerifiedToken)
    # A batch proves nothing, before and after the reading.
    assert isinstance(bound.verdict, Rejected)
    assert bound.verdict.reason is Reason.BINDING_MISMATCH
    assert view.read == [3]
