"""What the store holds tells nothing, and cannot be turned into another's session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.hashed_ids import ids_of_login
from sessiond_server.adapters.store.record import HEADER_BYTES
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.confirmation import KEY_MEMBER, confirmation_id
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.session import Device, Login
from sessiond_server.service.storage.sessions import Rotated
from tests.support.fakes import RecordingLogger
from tests.support.leases import held, tokens
from tests.support.store import SEALING, Store, connected, proposal

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from sessiond_server.domain.identifiers import SessionId

# The sealed login of a session of the local issuer comes right after the header.
LOGIN_AT = HEADER_BYTES
OTHER_KEY = b"o" * 32
TELLING = {
    "tenant_id": "telling-tenant",
    "audiences": ("telling-audience",),
    "scopes": ("telling:scope",),
    "claims_json": '{"telling": "claim"}',
    "acr": "telling-acr",
    "amr": ("telling-amr",),
    "device": Device("192.0.2.77", "telling-agent", "telling-label"),
    "attributes": (("telling-name", "telling-value"),),
}


async def dump(redis: Redis) -> bytes:
    """Everything that the store holds, names and values."""
    reading = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        b"stream": redis.xrange,
    }
    found = b""
    for key in await redis.keys("*"):
        value = await reading[await redis.type(key)](key)
        found += key + (value if isinstance(value, bytes) else repr(value).encode())
    return found


async def test_nothing_of_a_login_or_a_token_can_be_read(store: Store) -> None:
    token, _ = await store.create("telling-subject", **TELLING)
    successor = await store.next(token)
    await store.end_subject("another-telling-subject")
    held = await dump(store.redis)
    assert store.record_key(token.session).encode() in held
    for text in (b"telling", b"192.0.2.77", b"sessiond.localhost", b"app"):
        assert text not in held
    for secret in (token.secret, successor.secret, token.session.raw.hex().encode()):
        assert secret not in held


async def test_a_changed_login_opens_nothing(store: Store) -> None:
    token = await store.open()
    record = await store.record(token.session)
    for at in (LOGIN_AT, LOGIN_AT + 1, LOGIN_AT + 5, LOGIN_AT + 21, len(record) - 1):
        changed = bytearray(record)
        changed[at] ^= 1
        await store.redis.set(store.record_key(token.session), bytes(changed))
        with pytest.raises(SealingKeyMissingError):
            await store.sessions.get(token.session)


@pytest.mark.parametrize("length", [0, 1, 5, 17, 30])
async def test_a_cut_login_opens_nothing(store: Store, length: int) -> None:
    token = await store.open()
    record = await store.record(token.session)
    await store.redis.set(store.record_key(token.session), record[: LOGIN_AT + length])
    with pytest.raises(SealingKeyMissingError):
        await store.sessions.get(token.session)


async def test_a_login_opens_in_its_own_session_alone(store: Store) -> None:
    mallory, alice = await store.open("mallory"), await store.open("alice")
    stolen = (await store.record(alice.session))[LOGIN_AT:]
    await store.redis.setrange(store.record_key(mallory.session), LOGIN_AT, stolen)
    with pytest.raises(SealingKeyMissingError):
        await store.rotate(mallory)


async def test_the_absolute_expiry_cannot_be_moved(store: Store) -> None:
    token, created = await store.create()
    await store.change(token.session, absolute_expire_ms=created.session.absolute_expire_ms + 1_000_000)
    found = await store.sessions.get(token.session)
    assert found is not None
    assert found.absolute_expire_ms == created.session.absolute_expire_ms


async def test_an_issuer_that_is_not_configured_opens_nothing(store: Store) -> None:
    token = await store.open()
    await store.change(token.session, hashed_issuer=b"another issuer..")
    with pytest.raises(SealingKeyMissingError):
        await store.sessions.get(token.session)


async def test_an_older_key_still_opens(store: Store) -> None:
    token = await store.open()
    rotated = connected(store.redis, sealing=(OTHER_KEY, SEALING))
    assert await rotated.sessions.get(token.session)
    new = await rotated.open()
    with pytest.raises(SealingKeyMissingError):
        await store.sessions.get(new.session)


async def test_a_sealed_value_is_for_its_field_issuer_and_session(store: Store) -> None:
    keys, here, there = SealingKeys([SEALING]), (await store.open()).session, (await store.open()).session
    sealed = keys.seal(b"value", field="login", issuer="a", session=here)
    assert keys.open(sealed, field="login", issuer="a", session=here) == b"value"

    def refused(field: str, issuer: str, session: SessionId) -> None:
        with pytest.raises(SealingKeyMissingError):
            keys.open(sealed, field=field, issuer=issuer, session=session)

    refused("head", "a", here)
    refused("login", "b", here)
    refused("login", "a", there)


async def test_the_same_value_is_never_sealed_alike(store: Store) -> None:
    keys, session = SealingKeys([SEALING]), (await store.open()).session
    sealed = {keys.seal(b"value", field="login", issuer="a", session=session) for _ in range(3)}
    assert len(sealed) == 3


@pytest.mark.parametrize("secrets", [[], [b"short"], [SEALING, SEALING], [SEALING, b"short"]])
def test_keys_that_are_none_are_refused(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="sealing key"):
        SealingKeys(secrets)


@pytest.mark.row("unreadable")
async def test_a_server_that_cannot_read_a_session_does_not_change_it(store: Store) -> None:
    token = await store.open()
    before = await store.record(token.session)
    other = connected(store.redis, sealing=(OTHER_KEY,))
    with pytest.raises(SealingKeyMissingError):
        await other.rotate(token)
    assert await store.record(token.session) == before
    assert isinstance(await store.rotate(token), Rotated)
    rotated = await store.record(token.session)
    with pytest.raises(SealingKeyMissingError):
        await other.rotate(token)
    assert await store.record(token.session) == rotated
    assert isinstance(await store.rotate(token), Rotated)


async def test_neither_does_one_that_does_not_have_its_issuer(store: Store) -> None:
    token = await store.open()
    await store.change(token.session, hashed_issuer=b"another issuer..")
    before = await store.record(token.session)
    with pytest.raises(SealingKeyMissingError):
        await store.rotate(token)
    assert await store.record(token.session) == before


@pytest.mark.parametrize("name", sorted(ids_of_login(Login("issuer", "subject", "client"))))
async def test_a_header_that_says_otherwise_than_the_seal_opens_nothing(store: Store, name: str) -> None:
    """The issuer's name is part of what the login was sealed for."""
    logger = RecordingLogger()
    store = connected(store.redis, logger=logger)
    token = await store.open()
    size = len(getattr(await store.header(token.session), name))
    await store.change(token.session, **{name: size * b"x"})
    with pytest.raises(SealingKeyMissingError):
        await store.sessions.get(token.session)
    assert logger.levels == ["error"]


async def test_a_session_cannot_be_freed_from_the_key_that_it_is_bound_to(store: Store) -> None:
    token, _ = await store.create(confirmation=(KEY_MEMBER, "a key"))
    await store.change(token.session, confirmation=bytes(32))
    with pytest.raises(SealingKeyMissingError):
        await store.rotate(token)


async def test_nor_bound_to_another_one(store: Store) -> None:
    token, another = await store.open(), confirmation_id((KEY_MEMBER, "another key"))
    await store.change(token.session, confirmation=another)
    with pytest.raises(SealingKeyMissingError):
        await store.sessions.rotate(replace(proposal(token), confirmation_id=another))


async def test_a_session_that_was_freed_is_not_exchanged(store: Store) -> None:
    token, _ = await store.create(tokens=tokens("1"), confirmation=(KEY_MEMBER, "a key"))
    await store.change(token.session, confirmation=bytes(32))
    with pytest.raises(SealingKeyMissingError):
        await store.sessions.rotate(held(token))
