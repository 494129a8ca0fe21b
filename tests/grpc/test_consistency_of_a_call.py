"""What callers may demand to be known of revocations, and what they get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond import (
    FULLY_CONSISTENT,
    AsyncClient,
    AtLeast,
    Client,
    Consistency,
    InvalidArgumentError,
    Reason,
    Rejection,
    Session,
)
from sessiond_server.domain.revocation import from_revision, to_revision

if TYPE_CHECKING:
    from tests.support.server import Server

FIELD = "consistency.at_least_as_fresh.revision"


def beyond(revision: str) -> str:
    """A revision of the same log that nobody gave out."""
    positions = from_revision(revision)
    assert positions
    return to_revision(replace(one, number=one.number + 1000) for one in positions)


async def test_a_revocation_is_known_where_it_is_demanded(client: AsyncClient, server: Server) -> None:
    kept = (await client.create_local_session("kept")).access_token
    tokens = await client.create_local_session("revoked")
    revision = (await client.revoke_session(tokens.session.session_id)).revision
    with Client(server.grpc, key=server.key, timeout=5) as blocking:
        for demanded in (FULLY_CONSISTENT, AtLeast(revision)):
            for verdict in (
                await client.validate(tokens.access_token, consistency=demanded),
                blocking.validate(tokens.access_token, consistency=demanded),
            ):
                assert isinstance(verdict, Rejection)
                assert verdict.reason is Reason.REVOKED
            for good, revoked in (
                await client.validate_all([kept, tokens.access_token], consistency=demanded),
                blocking.validate_all([kept, tokens.access_token], consistency=demanded),
            ):
                assert isinstance(good, Session)
                assert isinstance(revoked, Rejection)


@pytest.mark.parametrize("revision", ["", "r", "!", "A" * 57, "A" * (256 * 56 + 56)])
async def test_what_is_no_revision_is_refused_by_name(client: AsyncClient, revision: str) -> None:
    await refused(client, "junk", AtLeast(revision), f"{len(revision)} characters that are no revision")


async def test_a_revision_beyond_the_end_is_refused_by_name(client: AsyncClient) -> None:
    tokens = await client.create_local_session("revoked")
    revision = (await client.revoke_session(tokens.session.session_id)).revision
    found = "a revision 1000 entries beyond the end of the revocation log"
    await refused(client, tokens.access_token, AtLeast(beyond(revision)), found)


async def refused(client: AsyncClient, token: str, consistency: Consistency, found: str) -> None:
    for call in (
        client.validate(token, consistency=consistency),
        client.validate_all([token], consistency=consistency),
    ):
        with pytest.raises(InvalidArgumentError) as raised:
            await call
        assert (raised.value.reason, raised.value.metadata["field"]) == ("FIELD_INVALID", FIELD)
        said = f"{FIELD}: found {found}, allowed is a revision that sessiond returned"
        assert said in str(raised.value)
