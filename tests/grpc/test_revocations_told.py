"""What the answer to RevokeSession tells of the revocations that stand because of it."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from sessiond.v1.session_pb2 import RevocationType
from sessiond.v1.session_service_pb2 import ClientApplication, RevokeSessionRequest, SigningKey, Subject
from sessiond_server.domain.identifiers import hashed_id
from tests.support.server import ISSUER

if TYPE_CHECKING:
    from sessiond import AsyncClient

YEAR_10000 = 253_402_300_800


async def told(stub: Any, **target: Any) -> dict[str, bytes]:
    """The hashed ids by type; each is still good for something."""
    answer = await stub.RevokeSession(RevokeSessionRequest(**target))
    assert all(time.time() < one.expire_time.ToSeconds() < YEAR_10000 for one in answer.revocations)
    assert not any(one.revision for one in answer.revocations)
    found = {
        RevocationType.Name(one.type).removeprefix("REVOCATION_TYPE_"): one for one in answer.revocations
    }
    assert len(found) == len(answer.revocations)
    return {kind.lower(): one.hashed_id for kind, one in found.items()}


async def test_a_session_and_the_same_again_is_told(client: AsyncClient, stub: Any) -> None:
    tokens = await client.create_local_session("alice")
    session_id = tokens.session.session_id
    expected = {"session": hashed_id("session", "", session_id)}
    for _ in range(2):
        assert await told(stub, session_id=session_id) == expected
    assert await told(stub, refresh_token=tokens.refresh_token) == expected
    assert await told(stub, access_token=tokens.access_token) == expected


async def test_a_subject_is_told_with_its_sessions(client: AsyncClient, stub: Any) -> None:
    name = f"user-{uuid.uuid4()}"
    tokens = await client.create_local_session(name)
    subject = hashed_id("subject", ISSUER, name)
    session = hashed_id("session", "", tokens.session.session_id)
    target = Subject(issuer=ISSUER, subject=name)
    assert await told(stub, subject=target) == {"subject": subject, "session": session}
    assert await told(stub, subject=target) == {"subject": subject}


async def test_what_many_share_is_told_by_its_own_id(stub: Any) -> None:
    client = ClientApplication(issuer=ISSUER, client_id=f"app-{uuid.uuid4()}")
    assert await told(stub, client=client) == {"client": hashed_id("client", ISSUER, client.client_id)}
    key = SigningKey(issuer=ISSUER, key_id=f"key-{uuid.uuid4()}")
    for _ in range(2):
        assert await told(stub, key=key) == {"key": hashed_id("key", ISSUER, key.key_id)}


async def test_of_what_is_unknown_nothing_is_told(stub: Any) -> None:
    assert await told(stub, session_id="sds_" + 22 * "A") == {}
