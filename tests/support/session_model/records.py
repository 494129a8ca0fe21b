"""In what the records in the store differ from the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.adapters.store.record import Flag, Header, split
from sessiond_server.adapters.store.records import record_key
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.session import Cause
from tests.support.session_model.servers import PARTITION

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.support.session_model.families import Family
    from tests.support.session_model.world import World


async def header_of(redis: Redis, session_id: str) -> Header:
    """The header of a session's record."""
    return split(await redis.get(_key_of(session_id)))[0]


async def disagreements(world: World) -> list[str]:
    """What the records have that the model has not, as long as they must be there."""
    families = [one for one in world.witness.families.values() if world.now_ms < one.absolute_expire_ms]
    records = await world.redis.mget([_key_of(one.session) for one in families]) if families else []
    return [
        f"{family.name}: {name} is {found} instead of {wanted}"
        for family, record in zip(families, records, strict=True)
        for name, wanted, found in _compared(family, split(record)[0])
        if wanted != found
    ]


def _key_of(session_id: str) -> str:
    session = SessionId.find(session_id)
    assert session
    return key_in(PARTITION, record_key(session))


def _compared(family: Family, header: Header) -> list[tuple[str, Any, Any]]:
    """What the model has, and what the record has."""
    flags = Flag(header.flags)
    return [
        ("cause", family.cause, Cause(header.cause).name if header.cause else ""),
        ("generation", family.generation, header.generation),
        ("created", family.created_ms, header.created_ms),
        ("absolute", family.absolute_expire_ms, header.absolute_expire_ms),
        ("idle", family.idle_expire_ms, header.idle_expire_ms),
        ("rotated", family.rotated_ms, header.rotated_ms),
        ("rotated before", family.rotated_before_ms, header.rotated_before_ms),
        ("replays", family.replays, header.replays),
        ("pause", family.window_pause_ms, header.window_pause_ms),
        ("confirmed", family.is_confirmed, Flag.CONFIRMED in flags),
        ("leased", family.is_leased, Flag.LEASED in flags),
        ("in doubt", family.in_doubt, Flag.IN_DOUBT in flags),
        ("holds", family.holds, header.holds),
    ]
