"""A view of revocations that is too old is caught up with once, before anybody is told that it is."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.domain.consistency import FullyConsistent
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

    is_synced = True

    def __init__(self) -> None:
        self.read: list[int] = []
        self.answers = True
        self.revoked = False

    def partition_of(self, _ids: Any) -> int:
        return 3

    def age_of(self, _partition: int) -> float:
        return 0.0 if self.answers else self.max_staleness_seconds

    def revokes(self, _ids: Any, *, however_old: bool = False) -> bool:
        if not (self.read and self.answers) and not however_old:
            raise RevocationViewStaleError
        return self.revoked

    async def catch_up(self, partition: int) -> None:
        self.read.append(partition)
        if not self.answers:
            raise RevocationViewStaleError


@pytest.fixture
def view() -> OldView:
    return OldView()


def validating(view: OldView, *, answers_when_stale: bool = False) -> Validation:
    clock, revocations = FakeClock(NOW), view
    signed = SignedTokens(
        [trusted_of(DEFAULTS["claims"]["iss"], {})],
        parser=StrictTokenParser(MAX_TOKEN_BYTES),
        cache=TokenCache(max_bytes=1 << 20),
        max_token_bytes=MAX_TOKEN_BYTES,
        encode=lambda _: b"",
    )
    possession = ProofOfPossession(read_proof=read_proof, memory=UsedProofs(), clock=clock)
    return Validation(
        signed,
        revocations=revocations,
        possession=possession,
        clock=clock,
        answers_when_stale=answers_when_stale,
    )


@pytest.fixture
def validation(view: OldView) -> Validation:
    return validating(view)


@pytest.fixture
def trusting(view: OldView) -> Validation:
    """One whose operator chose to go on without the store, which is away."""
    view.answers = False
    return validating(view, answers_when_stale=True)


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


async def test_a_store_that_does_not_answer_decides_nothing(validation: Validation, view: OldView) -> None:
    view.answers = False
    with pytest.raises(RevocationViewStaleError):
        await validation.validate(GOOD, NO_REQUIREMENTS)
    with pytest.raises(RevocationViewStaleError):
        await validation.validate_all([GOOD], NO_REQUIREMENTS)


async def test_where_the_operator_chose_so_tokens_are_accepted_and_the_answer_says_it(
    trusting: Validation, view: OldView
) -> None:
    for result in [await trusting.validate(GOOD, NO_REQUIREMENTS)] + await trusting.validate_all(
        [GOOD], NO_REQUIREMENTS
    ):
        assert isinstance(result.verdict, VerifiedToken)
        assert (result.is_stale, result.cache_for_seconds, result.watched_cache_for_seconds) == (
            True,
            None,
            None,
        )
    view.revoked = True
    result = await trusting.validate(GOOD, NO_REQUIREMENTS)
    assert isinstance(result.verdict, Rejected)
    assert result.verdict.reason is Reason.REVOKED


async def test_a_store_that_answers_is_believed_alone(trusting: Validation, view: OldView) -> None:
    view.answers = True
    result = await trusting.validate(GOOD, NO_REQUIREMENTS)
    assert (result.is_stale, view.read) == (False, [3])


async def test_who_demands_more_gets_no_answer_that_is_older(trusting: Validation, view: OldView) -> None:
    async def caught_up(_partition: int) -> None:
        pass

    view.catch_up_anew = caught_up  # type: ignore[attr-defined]
    with pytest.raises(RevocationViewStaleError):
        await trusting.validate(GOOD, NO_REQUIREMENTS, consistency=FullyConsistent())


async def test_a_server_that_never_read_the_log_has_nothing_to_go_by(
    trusting: Validation, view: OldView
) -> None:
    view.is_synced = False
    with pytest.raises(RevocationViewStaleError):
        await trusting.validate(GOOD, NO_REQUIREMENTS)
