"""For how long an acceptance may be repeated, with a watch of revocations and without one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.domain.consistency import AtLeastAsFresh, FullyConsistent
from sessiond_server.domain.requirements import NO_REQUIREMENTS
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.signed import SignedTokens
from sessiond_server.service.validation.token_cache import TokenCache
from sessiond_server.service.validation.validate import Undecided, Validation, ValidationResult
from tests.support.fakes import FakeClock, FakeRevocations
from tests.support.vectors import DEFAULTS, MAX_TOKEN_BYTES, NOW, UsedProofs, token_of, trusted_of

ISSUER = DEFAULTS["claims"]["iss"]


class ReadableRevocations(FakeRevocations):
    """One whose log can be read, to no effect."""

    async def catch_up_anew(self, _partition: int) -> None:
        pass

    def has_read(self, _position: object) -> bool:
        return True


@dataclass
class Server:
    revocations: FakeRevocations = field(default_factory=ReadableRevocations)
    key_good_for_seconds: float = 3600.0

    async def results(self, claims: dict[str, Any], **call: Any) -> list[ValidationResult]:
        """What is answered for a token by itself, and for the same in a batch."""
        trusted = trusted_of(ISSUER, {})
        trusted.key_set.good_for_seconds = self.key_good_for_seconds  # type: ignore[misc]
        clock = FakeClock(NOW)
        validation = Validation(
            SignedTokens(
                [trusted],
                parser=StrictTokenParser(MAX_TOKEN_BYTES),
                cache=TokenCache(max_bytes=1 << 20),
                max_token_bytes=MAX_TOKEN_BYTES,
                encode=lambda _: b"",
            ),
            revocations=self.revocations,  # type: ignore[arg-type]
            possession=ProofOfPossession(read_proof=read_proof, memory=UsedProofs(), clock=clock),
            clock=clock,
            watched_cache_seconds=60.0,
        )
        token = token_of({"claims": claims}).encode()
        call = {"requirements": NO_REQUIREMENTS} | call
        found = [await validation.validate(token, **call), *await validation.validate_all([token], **call)]
        return [one for one in found if not isinstance(one, Undecided)]


def durations(results: list[ValidationResult]) -> list[tuple[float | None, float | None]]:
    assert len(results) == 2
    return [(one.cache_for_seconds, one.watched_cache_for_seconds) for one in results]


async def test_without_a_watch_it_is_repeated_until_a_revocation_must_be_known() -> None:
    server = Server(ReadableRevocations(age_seconds=0.25))
    assert durations(await server.results({"exp": NOW + 300})) == [(0.75, 60.0)] * 2


async def test_with_a_watch_staleness_is_no_bound() -> None:
    server = Server(ReadableRevocations(age_seconds=0.999999))
    ((_, watched), _) = durations(await server.results({"exp": NOW + 300}))
    assert watched == 60.0


@pytest.mark.parametrize(
    ("left", "found"),
    [(None, (1.0, 60.0)), (90, (1.0, 60.0)), (30, (1.0, 30.0)), (0.5, (0.5, 0.5)), (-1, (None, None))],
)
async def test_nobody_repeats_it_for_longer_than_they_are_known(left: float | None, found: Any) -> None:
    until = None if left is None else NOW + left
    results = await Server().results({"exp": NOW + 300}, caller_known_until=until)
    assert durations(results) == [found] * 2


@pytest.mark.parametrize(("left", "found"), [(30, (1.0, 30.0)), (0.5, (0.5, 0.5))])
async def test_no_longer_than_until_it_expires(left: float, found: tuple[float, float]) -> None:
    # The leeway is for clocks that differ, and not for caches.
    assert durations(await Server().results({"exp": NOW + left})) == [pytest.approx(found)] * 2


async def test_not_at_all_in_the_leeway() -> None:
    assert durations(await Server().results({"exp": NOW - 10})) == [(None, None)] * 2


async def test_no_longer_than_its_login_is_young_enough() -> None:
    requirements = replace(NO_REQUIREMENTS, max_auth_age_seconds=100.0)
    claims = {"exp": NOW + 300, "auth_time": NOW - 90}
    assert durations(await Server().results(claims, requirements=requirements)) == [(1.0, 10.0)] * 2


@pytest.mark.parametrize(("left", "found"), [(7.0, (1.0, 7.0)), (0.25, (0.25, 0.25)), (0.0, (None, None))])
async def test_no_longer_than_its_key_verifies(left: float, found: tuple[float | None, ...]) -> None:
    server = Server(key_good_for_seconds=left)
    assert durations(await server.results({"exp": NOW + 300})) == [found] * 2


async def test_who_wants_to_know_everything_repeats_nothing() -> None:
    results = await Server().results({"exp": NOW + 300}, consistency=FullyConsistent())
    assert durations(results) == [(None, None)] * 2
    results = await Server().results({"exp": NOW + 300}, consistency=AtLeastAsFresh(()))
    assert durations(results) == [(1.0, 60.0)] * 2


async def test_a_token_that_is_bound_to_a_key_is_accepted_once() -> None:
    (alone, in_a_batch) = await Server().results({"exp": NOW + 300, "cnf": {"jkt": "thumbprint"}})
    assert isinstance(alone.verdict, Rejected)
    assert durations([alone, in_a_batch]) == [(None, None)] * 2


async def test_a_rejection_is_not_repeated() -> None:
    server = Server(ReadableRevocations(is_revoked=True))
    results = await server.results({"exp": NOW + 300})
    assert all(isinstance(one.verdict, Rejected) for one in results)
    assert durations(results) == [(None, None)] * 2
