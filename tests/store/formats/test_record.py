"""The record of a session: one table for servers, scripts and people, and nothing read of another version."""

from __future__ import annotations

import struct
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store import record
from sessiond_server.adapters.store.formats import CUTOFF, QUEUED, TOKEN_ID, lua_format
from sessiond_server.adapters.store.record import (
    HEADER_BYTES,
    VERSION,
    Flag,
    Header,
    Place,
    State,
    lua_codec,
    places,
    split,
)
from sessiond_server.adapters.store.reference import record_table
from sessiond_server.domain.failures import InputRefusedError, RefreshRefusal
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import ENTRY, NO_ID
from sessiond_server.service.storage.sessions import NotRotated
from tests.support.store import ISSUER

if TYPE_CHECKING:
    from tests.support.store import Store

PAGE = Path(__file__).resolve().parents[3] / "docs" / "record.md"


def full_header() -> Header:
    """A header of which no two fields are alike and none is zero."""
    values = {
        name: number if place.format in "BIQ" else bytes([number]) * int(place.format[:-1])
        for number, (name, place) in enumerate(places().items(), start=100)
    }
    return Header(**(values | {"version": VERSION, "token_ids": 0}))


def test_the_page_says_what_the_fields_say() -> None:
    assert f"<!-- record -->\n\n{record_table()}\n<!-- end of record -->" in PAGE.read_text()


def test_a_field_that_does_not_stand_where_the_table_says_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = places() | {"generation": Place(9, "I", "one byte too far")}
    monkeypatch.setattr(record, "places", lambda: moved)
    with pytest.raises(ValueError, match="generation stands at 8, not at 9"):
        record._layout()


def test_a_header_comes_back() -> None:
    header = full_header()
    packed = header.pack()
    assert len(packed) == HEADER_BYTES
    assert split(packed + b"sealed") == (header, b"sealed")
    with_ids = replace(header, token_ids=2)
    assert split(with_ids.pack() + bytes(2 * TOKEN_ID.size) + b"sealed") == (with_ids, b"sealed")


async def test_scripts_read_and_write_the_same_header(store: Store) -> None:
    packed = full_header().pack()
    await store.redis.set("record", packed)
    script = "\n".join(lua_codec()) + "\nreturn packed(read_header(KEYS[1]))"
    assert await store.redis.eval(script, 1, "record") == packed


@pytest.mark.parametrize("name", [field.name for field in fields(Header)])
async def test_scripts_know_each_field_by_its_name(store: Store, name: str) -> None:
    await store.redis.set("record", full_header().pack())
    found = await store.redis.eval(
        "\n".join(lua_codec()) + f"\nreturn read_header(KEYS[1]).{name}", 1, "record"
    )
    assert found == getattr(full_header(), name)


def test_ids_are_hashed_to_16_bytes_everywhere() -> None:
    hashed = {name: place for name, place in places().items() if name.startswith("hashed_")}
    assert set(hashed) == {
        f"hashed_{kind}" for kind in ("subject", "tenant", "client", "issuer", "provider_session", "refresh")
    }
    assert {place.format for place in hashed.values()} == {"16s"}


async def test_a_new_record_says_of_whom_it_is(store: Store) -> None:
    token, _ = await store.create(tenant_id="acme", provider_session="ses_1")
    header = await store.header(token.session)
    assert header.hashed_subject == hashed_id("subject", ISSUER, "alice")
    assert header.hashed_tenant == hashed_id("tenant", ISSUER, "acme")
    assert header.hashed_client == hashed_id("client", ISSUER, "app")
    assert header.hashed_issuer == hashed_id("issuer", ISSUER, "")
    assert header.hashed_provider_session == hashed_id("provider_session", ISSUER, "ses_1")
    assert (header.window_pause_ms, header.holds, header.hold_until_ms) == (0, 0, 0)
    assert store.index_key().endswith(f"u:{header.hashed_subject.hex()}")
    assert await store.redis.exists(store.index_key())


async def test_what_a_session_does_not_have_is_zero(store: Store) -> None:
    token = await store.open()
    header = await store.header(token.session)
    assert (header.hashed_tenant, header.hashed_provider_session, header.confirmation) == (
        NO_ID,
        NO_ID,
        bytes(32),
    )


async def test_an_ended_session_keeps_its_header_alone(store: Store) -> None:
    token = await store.open()
    await store.end(token.session)
    found = await store.record(token.session)
    assert len(found) == HEADER_BYTES
    assert split(found)[0].state == State.ENDED


@pytest.mark.parametrize("version", [0, 1, VERSION + 1])
async def test_a_record_of_another_version_is_as_if_it_were_not_there(store: Store, version: int) -> None:
    token = await store.open()
    await store.redis.setrange(store.record_key(token.session), 0, bytes([version]))
    before = await store.record(token.session)
    assert await store.sessions.get(token.session) is None
    assert await store.sessions.pepper_id_of(token.session) is None
    assert (await store.list()).sessions == ()
    outcome = await store.rotate(token)
    assert isinstance(outcome, NotRotated)
    assert outcome.refusal is RefreshRefusal.INVALID
    ended = await store.end(token.session)
    assert (ended.count, ended.logged.revocations) == (0, ())
    with pytest.raises(InputRefusedError):
        await store.end_subject(spared=token.session)
    assert await store.record(token.session) == before


async def test_a_session_of_another_version_makes_room(store: Store) -> None:
    from tests.support.store import at_most, connected

    limited = connected(store.redis, rules=at_most(1))
    old = await limited.open()
    await store.redis.setrange(store.record_key(old.session), 0, b"\x01")
    _, created = await limited.create()
    assert created.logged.revocations == ()
    assert await store.redis.zcard(store.index_key()) == 1


def test_flags_are_bits() -> None:
    assert sorted(flag.value for flag in Flag) == [1 << bit for bit in range(len(Flag))]


@pytest.mark.parametrize(
    "layout", [CUTOFF, QUEUED, TOKEN_ID, ENTRY], ids=["cutoff", "queued", "token id", "entry"]
)
async def test_a_format_says_the_same_to_scripts(store: Store, layout: struct.Struct) -> None:
    packed = bytes(range(1, layout.size + 1)).replace(b"\x01", b"\x00", 1)
    script = f"local f = '{lua_format(layout.format)}' return struct.pack(f, struct.unpack(f, ARGV[1]))"
    values = layout.unpack(packed)
    small = layout.pack(*(value if isinstance(value, bytes) else min(value, 2**53 - 1) for value in values))
    assert await store.redis.eval(script, 0, small) == small
