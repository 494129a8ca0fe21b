"""Sessions that are bound to a key: every refresh proves it again (RFC 9449 §5, RFC 8705 §4).

Their access tokens are bound to it too.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond import (
    AsyncClient,
    DpopProof,
    LoginRefusedError,
    Reason,
    RefreshRefusedError,
    Rejection,
    Session,
)
from tests.support.proofs import Prover

if TYPE_CHECKING:
    from sessiond import Tokens

URL = "https://app.example/refresh"
CERTIFICATE = bytes(range(32))
KEY, ANOTHER = (Prover(generate_private_key(SECP256R1())) for _ in range(2))


def proof(prover: Prover = KEY, **claims: Any) -> DpopProof:
    return prover.proof("POST", URL, **claims)


async def bound(client: AsyncClient) -> Tokens:
    return await client.create_local_session(f"user-{secrets.token_hex(4)}", dpop=proof())


async def refusal(client: AsyncClient, tokens: Tokens, **bearer: Any) -> str:
    with pytest.raises(RefreshRefusedError) as refused:
        await client.refresh(tokens.refresh_token, **bearer)
    return refused.value.reason


async def test_a_refresh_needs_a_new_proof_each_time(client: AsyncClient) -> None:
    """RFC9449-5."""
    first = await bound(client)
    second = await client.refresh(first.refresh_token, dpop=proof())
    third = await client.refresh(second.refresh_token, dpop=proof())
    assert third.session.session_id == first.session.session_id
    assert not third.replayed


async def test_without_the_key_nothing_is_given_out_and_nothing_ends(client: AsyncClient) -> None:
    tokens = await bound(client)
    for bearer in (
        {},
        {"dpop": proof(ANOTHER)},
        {"certificate_sha256": CERTIFICATE},
        {"dpop": proof(htm="GET")},
        {"dpop": proof(htu="https://app.example/other")},
        {"dpop": proof(iat=1_700_000_000)},
        {"dpop": DpopProof("x.y.z", "POST", URL)},
    ):
        assert await refusal(client, tokens, **bearer) == "BINDING_MISMATCH"
    assert (await client.refresh(tokens.refresh_token, dpop=proof())).refresh_token


async def test_a_proof_is_good_for_one_refresh(client: AsyncClient) -> None:
    """RFC9449-11.1: that holds at another session of the same key too, and within the grace."""
    tokens, other, used = await bound(client), await bound(client), proof()
    successor = await client.refresh(tokens.refresh_token, dpop=used)
    assert await refusal(client, tokens, dpop=used) == "BINDING_MISMATCH"
    assert await refusal(client, other, dpop=used) == "BINDING_MISMATCH"
    again = await client.refresh(tokens.refresh_token, dpop=proof())
    assert (again.refresh_token, again.replayed) == (successor.refresh_token, True)
    # Where it was refused, it has changed nothing.
    assert not (await client.refresh(other.refresh_token, dpop=proof())).replayed


async def test_one_proof_used_by_many_at_once_serves_one(client: AsyncClient) -> None:
    sessions, used = [await bound(client) for _ in range(8)], proof()
    refreshes = (client.refresh(tokens.refresh_token, dpop=used) for tokens in sessions)
    outcomes = await asyncio.gather(*refreshes, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, RefreshRefusedError)]
    assert (len(refused), len(outcomes)) == (7, 8)
    # Whoever came second with the proof has lost nothing but time.
    for tokens in sessions:
        assert (await client.refresh(tokens.refresh_token, dpop=proof())).refresh_token


async def test_the_access_tokens_are_bound_to_the_key_too(client: AsyncClient) -> None:
    tokens = await client.refresh((await bound(client)).refresh_token, dpop=proof())
    assert json.loads(tokens.session.claims_json)["cnf"] == {"jkt": KEY.thumbprint}
    verdict = await client.validate(tokens.access_token)
    assert isinstance(verdict, Rejection)
    assert verdict.reason is Reason.BINDING_MISMATCH
    assert isinstance(
        await client.validate(tokens.access_token, dpop=proof(token=tokens.access_token)), Session
    )


async def test_a_session_is_bound_to_a_certificate(client: AsyncClient) -> None:
    """RFC8705-4."""
    tokens = await client.create_local_session("alice", certificate_sha256=CERTIFICATE)
    assert isinstance(await client.validate(tokens.access_token, certificate_sha256=CERTIFICATE), Session)
    for bearer in ({}, {"certificate_sha256": bytes(32)}, {"dpop": proof()}):
        assert await refusal(client, tokens, **bearer) == "BINDING_MISMATCH"
    successor = await client.refresh(tokens.refresh_token, certificate_sha256=CERTIFICATE)
    assert (
        await client.refresh(tokens.refresh_token, certificate_sha256=CERTIFICATE)
    ).refresh_token == successor.refresh_token


async def test_a_session_that_is_bound_to_nothing_needs_no_proof_and_spends_none(client: AsyncClient) -> None:
    tokens, unspent = await client.create_local_session("alice"), proof()
    tokens = await client.refresh(tokens.refresh_token, dpop=unspent)
    tokens = await client.refresh(tokens.refresh_token, dpop=unspent)
    tokens = await client.refresh(tokens.refresh_token, certificate_sha256=CERTIFICATE)
    assert isinstance(await client.validate(tokens.access_token), Session)
    assert (await client.refresh((await bound(client)).refresh_token, dpop=unspent)).refresh_token


async def test_no_session_is_opened_for_a_key_that_was_not_proven(client: AsyncClient) -> None:
    used = proof()
    await client.create_local_session("alice", dpop=used)
    for given in (used, proof(htm="GET"), DpopProof("x", "POST", URL)):
        with pytest.raises(LoginRefusedError) as refused:
            await client.create_local_session("nobody", dpop=given)
        assert refused.value.metadata["rejection"] == "BINDING_MISMATCH"
    assert [one async for one in client.list_sessions("http://sessiond.localhost", "nobody")] == []


async def test_a_bound_session_ends_like_any_other(client: AsyncClient) -> None:
    tokens = await bound(client)
    await client.revoke_refresh_token(tokens.refresh_token)
    assert await refusal(client, tokens, dpop=proof()) == "SESSION_REVOKED"
    assert await refusal(client, tokens) == "SESSION_REVOKED"


async def test_a_stolen_token_that_is_used_again_without_the_key_ends_nothing(client: AsyncClient) -> None:
    first = await bound(client)
    second = await client.refresh(first.refresh_token, dpop=proof())
    third = await client.refresh(second.refresh_token, dpop=proof())
    assert await refusal(client, first) == "BINDING_MISMATCH"
    assert (await client.refresh(third.refresh_token, dpop=proof())).refresh_token
