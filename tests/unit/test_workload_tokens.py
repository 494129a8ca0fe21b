"""Tokens of workloads: what makes one a caller's, how long that is believed, and what strangers can cause."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.app.issuers import key_set_reader
from sessiond_server.app.workloads import to_workload_policy
from sessiond_server.config.workload_settings import WorkloadIssuerSettings
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.checks import CHECKS_OF_A_CALL, CHECKS_OF_A_TOKEN
from sessiond_server.domain.failures import CallerUnknownError, KeysUnavailableError, OverloadedError
from sessiond_server.domain.workload_checks import (
    CHECKS_BY_THE_KEY,
    CHECKS_OF_THE_MOMENT,
    CHECKS_WITHOUT_A_KEY,
)
from sessiond_server.service.callers import PresentedToken, Workload
from sessiond_server.service.storage.key_sets import Document, NotShared
from sessiond_server.service.validation.budget import Budget
from sessiond_server.service.validation.known_workloads import BELIEVED_SECONDS
from sessiond_server.service.validation.remote_keys import RemoteKeySet
from sessiond_server.service.validation.signed import TrustedIssuer
from sessiond_server.service.validation.workloads import Workloads
from tests.support.fakes import FakeClock, RecordingTelemetry, SilentLogger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessiond_server.service.validation.keys import VerificationKey

CLUSTER = "https://cluster.example"
SUBJECT = "system:serviceaccount:shop:orders"
ORDERS = Caller("orders", frozenset({Group.VALIDATE}))
SETTINGS = WorkloadIssuerSettings(issuer=CLUSTER, audience="sessiond", token_types=("jwt", "absent"))
MAX_BYTES = 4096
ABSENT = object()


def new_key() -> SigningKey:
    return SigningKey(generate_private_key(SECP256R1()))


A, B = new_key(), new_key()


@dataclass
class CountedKey:
    """A real key that counts how often it is asked."""

    key: VerificationKey
    asked: list[bytes]

    @property
    def algorithm(self) -> str:
        return self.key.algorithm

    def is_same_as(self, other: VerificationKey | None) -> bool:
        return isinstance(other, CountedKey) and self.key.is_same_as(other.key)

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        self.asked.append(signing_input)
        return self.key.verifies(signing_input, signature)


@dataclass
class Cluster:
    """A workload issuer, and a server that trusts it."""

    keys: tuple[SigningKey, ...] = (A,)
    settings: WorkloadIssuerSettings = SETTINGS
    clock: FakeClock = field(default_factory=FakeClock)
    telemetry: RecordingTelemetry = field(default_factory=RecordingTelemetry)
    asked: list[bytes] = field(default_factory=list)
    fetches: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        policy = to_workload_policy(self.settings)
        read = key_set_reader(policy, logger=SilentLogger())

        def counted(document: bytes) -> Mapping[str, VerificationKey] | None:
            found = read(document)
            return found and {name: CountedKey(key, self.asked) for name, key in found.items()}

        self.answers.set()
        self.set = RemoteKeySet(
            CLUSTER,
            self.fetch,
            read=counted,
            max_stale=timedelta(hours=12),
            clock=self.clock,
            logger=SilentLogger(),
            telemetry=self.telemetry,
            shared=NotShared(),
            budget=Budget(self.clock, at_most=2, seconds_each=60.0),
        )
        self.workloads = Workloads(
            [TrustedIssuer(policy, self.set)],
            {Workload(CLUSTER, SUBJECT): ORDERS},
            parser=StrictTokenParser(MAX_BYTES),
            max_token_bytes=MAX_BYTES,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    async def fetch(self, _entity_tag: str | None, **_: Any) -> Document:
        self.fetches += 1
        keys = self.keys
        await self.answers.wait()
        return Document(json.dumps({"keys": [dict(key.jwk) for key in keys]}).encode(), 600, None)

    def token(
        self, *, key: SigningKey = A, header: dict[str, Any] | None = None, **claims: Any
    ) -> PresentedToken:
        now = int(self.clock.now())
        payload = {"iss": CLUSTER, "sub": SUBJECT, "aud": ["sessiond"], "iat": now, "exp": now + 600} | claims
        text = jwt.encode(
            {name: value for name, value in payload.items() if value is not ABSENT},
            key._key,
            algorithm="ES256",
            headers={"kid": key.key_id} | (header or {}),
        )
        return presented(text)

    async def caller(self, token: PresentedToken) -> Caller:
        found = self.workloads.meet(token)
        return found if isinstance(found, Caller) else await found

    async def refused(self, token: PresentedToken) -> str:
        """Why it shows no caller."""
        with pytest.raises(CallerUnknownError):
            await self.caller(token)
        return self.outcomes()[-1]

    def outcomes(self) -> list[str]:
        return [outcome for _, outcome in self.telemetry.of("workload_token_judged")]


def presented(text: str) -> PresentedToken:
    return PresentedToken(text.encode(), sha256(text.encode()).digest())


def forged(token: PresentedToken) -> PresentedToken:
    text = token.text.decode()
    return presented(text[:-8] + ("AAAAAAAA" if text[-8:] != "AAAAAAAA" else "BBBBBBBB"))


@pytest.fixture
async def cluster() -> Cluster:
    cluster = Cluster()
    await cluster.set.refresh()
    cluster.fetches = 0
    return cluster


async def test_a_workload_is_a_caller_by_name_for_as_long_as_its_token_is_good(cluster: Cluster) -> None:
    end = int(cluster.clock.now()) + 600
    found = await cluster.caller(cluster.token())
    assert found == replace(ORDERS, known_until=end)
    rotated = cluster.token(exp=end + 1)
    again = await cluster.caller(rotated)
    assert (again.name, again.known_until) == ("orders", end + 1)
    assert cluster.workloads.identify(rotated) is again


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://other.example"}, "ISSUER_NOT_TRUSTED"),
        ({"iss": ABSENT}, "ISSUER_NOT_TRUSTED"),
        ({"sub": SUBJECT.upper()}, "SUBJECT_UNKNOWN"),
        ({"sub": SUBJECT + "-2"}, "SUBJECT_UNKNOWN"),
        ({"sub": ABSENT}, "TYPE_NOT_ALLOWED"),
        ({"aud": "other"}, "AUDIENCE_MISMATCH"),
        ({"aud": []}, "AUDIENCE_MISMATCH"),
        ({"aud": ["sessiond", "other"]}, "AUDIENCE_MISMATCH"),
        ({"aud": ABSENT}, "CLAIM_MISSING"),
        ({"exp": ABSENT}, "CLAIM_MISSING"),
        ({"exp": 1_799_999_999 + 1}, "CLAIM_INVALID"),
        ({"exp": 1_799_999_999, "iat": 1_799_999_000}, "EXPIRED"),
        ({"exp": 1_800_003_601}, "CLAIM_INVALID"),
        ({"exp": 1_800_003_631, "iat": ABSENT}, "CLAIM_INVALID"),
        ({"iat": 1_800_000_031}, "NOT_YET_VALID"),
        ({"nbf": 1_800_000_031}, "NOT_YET_VALID"),
        ({"nonce": "n"}, "TYPE_NOT_ALLOWED"),
        ({"at_hash": "h"}, "TYPE_NOT_ALLOWED"),
        ({"cnf": {"jkt": "x"}}, "BINDING_MISMATCH"),
        ({"header": {"typ": "at+jwt"}}, "TYPE_NOT_ALLOWED"),
        ({"header": {"kid": ""}}, "MALFORMED"),
        ({"header": {"jku": "https://evil.example"}}, "MALFORMED"),
        ({"padding": "x" * MAX_BYTES}, "TOO_LARGE"),
    ],
)
async def test_what_is_wrong_without_a_key_costs_neither_a_signature_nor_a_fetch(
    cluster: Cluster, changes: dict[str, Any], why: str
) -> None:
    for key in (A, B):
        assert await cluster.refused(cluster.token(key=key, **changes)) == why
    assert (cluster.asked, cluster.fetches) == ([], 0)


async def test_without_a_key_id_no_key_is_looked_for(cluster: Cluster) -> None:
    text = jwt.encode(
        {"iss": CLUSTER, "sub": SUBJECT, "aud": "sessiond", "exp": int(cluster.clock.now()) + 600},
        A._key,
        algorithm="ES256",
    )
    assert await cluster.refused(presented(text)) == "KEY_UNKNOWN"
    assert (cluster.asked, cluster.fetches) == ([], 0)


async def test_a_wrong_signature_is_looked_at_once(cluster: Cluster) -> None:
    token = forged(cluster.token())
    for _ in range(3):
        assert await cluster.refused(token) == "SIGNATURE_INVALID"
    assert len(cluster.asked) == 1
    with pytest.raises(CallerUnknownError):
        cluster.workloads.identify(token)
    assert len(cluster.asked) == 1


async def test_a_key_verifies_by_its_one_algorithm(cluster: Cluster) -> None:
    header = to_base64url(json.dumps({"alg": "PS256", "kid": A.key_id}).encode())
    text = ".".join([header, *cluster.token().text.decode().split(".")[1:]])
    assert await cluster.refused(presented(text)) == "ALGORITHM_NOT_ALLOWED"
    assert cluster.asked == []


async def test_no_metric_names_an_issuer_that_is_not_configured(cluster: Cluster) -> None:
    await cluster.refused(cluster.token(iss="https://evil.example"))
    await cluster.refused(presented("a.b.c"))
    assert {issuer for issuer, _ in cluster.telemetry.of("workload_token_judged")} == {"unknown"}


async def test_the_end_is_read_at_every_use(cluster: Cluster) -> None:
    token = cluster.token()
    await cluster.caller(token)
    cluster.clock.at += 599
    cluster.workloads.identify(token)
    cluster.clock.set_ahead = 1
    with pytest.raises(CallerUnknownError):
        cluster.workloads.identify(token)
    assert await cluster.refused(token) == "EXPIRED"
    assert len(cluster.workloads) == 0


async def test_a_token_is_looked_at_again_after_five_minutes(cluster: Cluster) -> None:
    token = cluster.token()
    await cluster.caller(token)
    cluster.clock.at += BELIEVED_SECONDS - 1
    await cluster.caller(token)
    assert len(cluster.asked) == 1
    cluster.clock.at += 1
    await cluster.caller(token)
    cluster.clock.at += 1
    await cluster.caller(token)
    assert len(cluster.asked) == 2


async def test_a_token_goes_with_its_key(cluster: Cluster) -> None:
    token = cluster.token()
    await cluster.caller(token)
    cluster.keys = (B,)
    await cluster.set.refresh()
    with pytest.raises(CallerUnknownError):
        cluster.workloads.identify(token)
    assert await cluster.refused(token) == "KEY_UNKNOWN"
    assert len(cluster.workloads) == 0


async def test_a_new_key_is_asked_for_once_by_all_who_bring_it(cluster: Cluster) -> None:
    cluster.keys = (A, B)
    cluster.answers.clear()
    tokens = [cluster.token(key=B, jti=str(number)) for number in range(20)]
    calls = [asyncio.create_task(cluster.caller(token)) for token in tokens]
    await asyncio.sleep(0)
    cluster.answers.set()
    assert {caller.name for caller in await asyncio.gather(*calls)} == {"orders"}
    assert cluster.fetches == 1


async def test_made_up_key_ids_are_asked_for_twice_and_once_a_minute(cluster: Cluster) -> None:
    def made_up(number: int) -> PresentedToken:
        return cluster.token(header={"kid": f"k{number}"})

    for number in range(2):
        assert await cluster.refused(made_up(number)) == "KEY_UNKNOWN"
    for number in range(2, 50):
        with pytest.raises(KeysUnavailableError):
            await cluster.caller(made_up(number))
    assert (cluster.fetches, cluster.outcomes()[-1]) == (2, "KEYS_UNAVAILABLE")
    await cluster.caller(cluster.token())
    cluster.clock.at += 60
    assert await cluster.refused(made_up(50)) == "KEY_UNKNOWN"
    assert cluster.fetches == 3


async def test_few_wait_for_an_issuer_and_whoever_leaves_makes_room(cluster: Cluster) -> None:
    cluster.keys = (A, B)
    cluster.answers.clear()
    tokens = [cluster.token(key=B, jti=str(number)) for number in range(66)]
    calls = [asyncio.create_task(cluster.caller(token)) for token in tokens[:64]]
    await asyncio.sleep(0)
    with pytest.raises(KeysUnavailableError):
        await cluster.caller(tokens[64])
    calls.pop().cancel()
    await asyncio.sleep(0)
    calls.append(asyncio.create_task(cluster.caller(tokens[65])))
    await asyncio.sleep(0)
    cluster.answers.set()
    assert len(await asyncio.gather(*calls)) == 64


async def test_once_many_were_made_up_few_that_were_never_seen_are_looked_at(cluster: Cluster) -> None:
    known, late = cluster.token(), cluster.token(jti="late")
    await cluster.caller(known)
    cluster.clock.at += BELIEVED_SECONDS
    junk = [forged(cluster.token(jti=str(number))) for number in range(102)]
    for one in junk[:100]:
        assert await cluster.refused(one) == "SIGNATURE_INVALID"
    assert len(cluster.asked) == 101
    for one in (junk[100], late):
        with pytest.raises(OverloadedError):
            await cluster.caller(one)
        with pytest.raises(OverloadedError):
            cluster.workloads.identify(one)
    assert (len(cluster.asked), cluster.outcomes()[-1]) == (101, "OVERLOADED")
    # What is known, for good or bad, is told all the same.
    assert (await cluster.caller(known)).name == "orders"
    assert await cluster.refused(junk[0]) == "SIGNATURE_INVALID"
    cluster.clock.at += 0.003
    assert (await cluster.caller(late)).name == "orders"
    assert await cluster.refused(junk[100]) == "SIGNATURE_INVALID"
    with pytest.raises(OverloadedError):
        await cluster.caller(junk[101])


async def test_good_tokens_are_never_too_many(cluster: Cluster) -> None:
    for number in range(300):
        assert (await cluster.caller(cluster.token(jti=str(number)))).name == "orders"


async def test_a_token_that_several_calls_wait_with_is_looked_at_once(cluster: Cluster) -> None:
    cluster.keys = (A, B)
    cluster.answers.clear()
    token = cluster.token(key=B)
    calls = [asyncio.create_task(cluster.caller(token)) for _ in range(50)]
    await asyncio.sleep(0)
    cluster.answers.set()
    assert {caller.name for caller in await asyncio.gather(*calls)} == {"orders"}
    assert len(cluster.asked) == 1


async def test_a_key_set_that_is_too_old_shows_nobody(cluster: Cluster) -> None:
    token = cluster.token(exp=int(cluster.clock.now()) + 3600)
    await cluster.caller(token)
    cluster.clock.at += 3500
    cluster.set.max_stale_seconds = 3000.0
    cluster.answers.clear()
    with pytest.raises(CallerUnknownError):
        cluster.workloads.identify(token)


def test_a_check_of_access_tokens_is_one_of_workloads_too_unless_it_is_about_end_users() -> None:
    names = [check.name for check in (*CHECKS_WITHOUT_A_KEY, *CHECKS_OF_THE_MOMENT)]
    every = [check.name for check in (*CHECKS_OF_A_TOKEN, *CHECKS_OF_A_CALL)]
    assert [check.name for check in CHECKS_BY_THE_KEY] == ["key", "signature"]
    assert set(every) - set(names) == {"key", "signature", "revocation", "requirements", "step-up"}
    assert set(names) - set(every) == {"sole audience"}


def test_no_leeway_makes_a_caller_outlive_its_token() -> None:
    assert to_workload_policy(SETTINGS).leeway == timedelta(0)
