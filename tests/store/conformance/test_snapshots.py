"""Snapshots: a start reads the last one and what the log has behind it, or else the log alone."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.scratch_file import ScratchFile
from sessiond_server.adapters.store.partitions import SNAPSHOT_LEASE_KEY, key_in
from sessiond_server.domain.failures import RevocationViewStaleError, StoreUnavailableError
from sessiond_server.domain.revocation import FOREVER_MS, Position, Revocation, RevocationType
from sessiond_server.domain.view import RECENT_REVOCATIONS
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.revocation.snapshots import MAX_BEHIND, SnapshotKeeper
from tests.support.fakes import FakeClock, RecordingLogger, RecordingTelemetry
from tests.support.revocations import alone
from tests.support.store import Store
from tests.support.survivors import OldCopy, revoke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessiond_server.service.storage.revocations import LogPage
    from sessiond_server.service.storage.snapshots import Snapshot

HALF_AN_HOUR = 1_800_000
MANY = 2 * MAX_BEHIND + 3


class Server:
    """A server that reads and writes snapshots; `read_from` is from where it has read the log."""

    def __init__(self, store: Store, space: ScratchFile) -> None:
        self.store, self.logger, clock = store, RecordingLogger(), FakeClock()
        self.revocations = Revocations(
            store.log,
            max_staleness_seconds=1.0,
            clock=clock,
            checks=alone(clock, partitions=len(store.partitions)),
            logger=self.logger,
            telemetry=RecordingTelemetry(),
            space=space,
            snapshots=store.stores.snapshots,
        )
        self.keeper = SnapshotKeeper(
            self.revocations.view,
            store.stores.snapshots,
            store.log,
            logger=self.logger,
            sleep=lambda _: asyncio.sleep(0),
        )
        self.read_from: list[Position | None] = []
        self.revocations._log_store = self

    async def read(self, partition: int, after: Position | None) -> LogPage:
        if partition == self.store.partition():
            self.read_from.append(after)
        return await self.store.log.read(partition, after)

    async def start(self) -> None:
        for partition in self.store.partitions:
            await self.revocations.catch_up(partition)

    async def save(self) -> bool:
        return await self.keeper.save(self.store.partition())

    def knows(self, entry: Revocation) -> bool:
        return self.revocations.view.find(entry.hashed_id) == entry


@pytest.fixture
def spaces() -> Iterator[Iterator[ScratchFile]]:
    made = [ScratchFile() for _ in range(4)]
    for one in made:
        one.__enter__()
    yield iter(made)
    for one in made:
        one.__exit__(None, None, None)


@pytest.fixture
def server(store: Store, spaces: Iterator[ScratchFile]) -> Server:
    return Server(store, next(spaces))


async def parts(store: Store) -> list[bytes]:
    return sorted(await store.redis.keys(store.key("snapshot:*").replace("{", "\\{")))


@pytest.fixture
async def saved(store: Store, server: Server, monkeypatch: pytest.MonkeyPatch) -> list[Revocation]:
    """What a snapshot of several parts has that this server has written."""
    entries = await revoke(store, MANY)
    await server.start()
    with monkeypatch.context() as patched:
        patched.setattr("sessiond_server.service.revocation.snapshots._ENTRIES_A_PART", MAX_BEHIND // 2)
        assert await server.save()
    assert len(await parts(store)) > 2
    return entries


async def test_a_start_reads_the_snapshot_and_what_is_behind_it(
    store: Store, server: Server, saved: list[Revocation], spaces: Iterator[ScratchFile]
) -> None:
    at = server.revocations.view.position_of(store.partition())
    behind = await revoke(store, 2)
    newcomer = Server(store, next(spaces))
    await newcomer.start()
    assert newcomer.read_from[-1] == at
    assert None not in newcomer.read_from
    assert all(newcomer.knows(entry) for entry in (*saved, *behind))
    assert len(newcomer.revocations) == len(saved) + len(behind)
    assert newcomer.revocations.is_synced


async def test_a_snapshot_has_what_is_packed_and_what_is_not(
    store: Store, server: Server, spaces: Iterator[ScratchFile]
) -> None:
    entries = await revoke(store, MANY)
    server.revocations.view._max_recent = MAX_BEHIND
    await server.start()
    assert server.revocations.view._packed
    assert await server.save()
    newcomer = Server(store, next(spaces))
    await newcomer.start()
    assert all(newcomer.knows(entry) for entry in entries)
    assert len(newcomer.revocations) == len(entries) < RECENT_REVOCATIONS


async def test_snapshots_of_all_partitions_are_read_side_by_side(
    store: Store, server: Server, spaces: Iterator[ScratchFile]
) -> None:
    subjects = {store.partition(name): name for name in map("user-{}".format, range(100))}
    assert len(subjects) == len(store.partitions)
    entries = [entry for name in subjects.values() for entry in await revoke(store, MANY, subject=name)]
    await server.start()
    for partition in store.partitions:
        assert await server.keeper.save(partition)
    newcomer = Server(store, next(spaces))
    await asyncio.gather(*map(newcomer.revocations.catch_up, store.partitions))
    assert None not in newcomer.read_from
    assert all(newcomer.knows(entry) for entry in entries)
    assert len(newcomer.revocations) == len(entries)


async def test_who_has_no_room_for_what_is_to_be_packed_writes_none(store: Store, server: Server) -> None:
    await revoke(store, MANY)
    await server.start()
    server.revocations.view._max_recent = MANY // 2 - 1
    assert not await server.save()
    server.revocations.view._max_recent = MANY
    assert await server.save()


async def test_a_log_that_is_read_at_once_needs_no_snapshot(store: Store, server: Server) -> None:
    await revoke(store, MAX_BEHIND)
    await server.start()
    assert not await server.save()
    assert await parts(store) == []


@pytest.mark.usefixtures("saved")
async def test_nothing_is_written_where_little_has_changed(store: Store, server: Server) -> None:
    found = await store.stores.snapshots.find(store.partition())
    await revoke(store, MAX_BEHIND)
    await server.start()
    assert not await server.save()
    await revoke(store, 1)
    await server.start()
    assert await server.save()
    assert (await store.stores.snapshots.find(store.partition())).id != found.id


@pytest.mark.usefixtures("saved")
async def test_a_snapshot_is_written_anew_before_it_expires(store: Store, server: Server) -> None:
    await store.redis.pexpire(store.key("snapshot"), HALF_AN_HOUR + 60_000)
    assert not await server.save()
    await store.redis.pexpire(store.key("snapshot"), HALF_AN_HOUR)
    assert await server.save()


@pytest.mark.usefixtures("saved")
async def test_everything_of_a_snapshot_expires_and_what_was_replaced_soon(
    store: Store, server: Server
) -> None:
    former = set(await parts(store))
    for key in (store.key("snapshot").encode(), *former):
        assert HALF_AN_HOUR < await store.redis.pttl(key) <= 2 * HALF_AN_HOUR
    await revoke(store, MAX_BEHIND + 1)
    await server.start()
    assert await server.save()
    assert former
    for key in former:
        assert 0 < await store.redis.pttl(key) <= 60_000


async def test_a_part_is_less_than_a_mebibyte(
    store: Store, server: Server, saved: list[Revocation], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    writer = await store.stores.snapshots.begin(store.partition(), former=None)
    assert writer

    async def add(entries: bytes) -> bool:
        sizes.append(len(entries))
        return True

    monkeypatch.setattr(type(writer), "add", lambda _, entries: add(entries))
    await store.redis.delete(store.key(SNAPSHOT_LEASE_KEY), store.key("snapshot"))
    server.revocations.view._recent[store.partition()].update(
        (number.to_bytes(16, "big"), saved[0]) for number in range(20_000)
    )
    assert await server.save()
    assert max(sizes) <= 1 << 20
    assert len(sizes) > 1


# What is of no use is not used: the log has everything.


async def starts_on_the_log(store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile]) -> Server:
    newcomer = Server(store, next(spaces))
    await newcomer.start()
    assert None in newcomer.read_from
    assert all(newcomer.knows(entry) for entry in saved)
    assert len(newcomer.revocations) == len(saved)
    return newcomer


async def test_a_part_that_is_missing_makes_a_snapshot_useless(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile]
) -> None:
    await store.redis.delete((await parts(store))[-1])
    await starts_on_the_log(store, saved, spaces)


@pytest.mark.parametrize("at", [0, -1])
async def test_a_part_that_is_damaged_makes_a_snapshot_useless(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile], at: int
) -> None:
    key = (await parts(store))[-1]
    part = bytearray(await store.redis.get(key))
    part[at] ^= 1
    await store.redis.set(key, bytes(part))
    newcomer = await starts_on_the_log(store, saved, spaces)
    assert newcomer.logger.said("the snapshot of revocations is of no use")


@pytest.mark.parametrize("damage", ["first", "last", "cut", "empty"])
async def test_a_manifest_that_is_damaged_is_none(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile], damage: str
) -> None:
    key = store.key("snapshot")
    manifest = await store.redis.get(key)
    first, last = bytes([manifest[0] ^ 3]) + manifest[1:], manifest[:-1] + bytes([manifest[-1] ^ 1])
    await store.redis.set(key, {"first": first, "last": last, "cut": manifest[:-40], "empty": b"x"}[damage])
    assert await store.stores.snapshots.find(store.partition()) is None
    await starts_on_the_log(store, saved, spaces)


async def test_a_manifest_of_another_version_is_none(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile]
) -> None:
    key = store.key("snapshot")
    former = b"\1" + (await store.redis.get(key))[1:-32]
    await store.redis.set(key, former + hashlib.sha256(former).digest())
    assert await store.stores.snapshots.find(store.partition()) is None
    await starts_on_the_log(store, saved, spaces)


@pytest.mark.parametrize("order", ["within a part", "of the parts"])
async def test_a_snapshot_that_is_not_sorted_is_of_no_use(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile], order: str
) -> None:
    snapshots, partition = store.stores.snapshots, store.partition()
    found = await snapshots.find(partition)
    written = sorted(saved, key=lambda one: one.hashed_id)
    middle = len(written) // 2
    if order == "within a part":
        written[middle], written[middle + 1] = written[middle + 1], written[middle]
    parts = [written[:middle], written[middle:]]
    writer = await snapshots.begin(partition, former=None)
    assert writer
    for part in parts if order == "within a part" else reversed(parts):
        assert await writer.add(b"".join(one.pack() for one in part))
    assert await writer.finish(found.position)
    newcomer = await starts_on_the_log(store, saved, spaces)
    assert newcomer.logger.said("the snapshot of revocations is of no use")


async def test_reading_a_snapshot_ends_with_the_start(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile]
) -> None:
    """What is being read ahead is not left behind, where nobody is to have it any more."""
    before = asyncio.all_tasks()

    async def refuse(_: Snapshot, number: int) -> bytes | None:
        if number > 0:
            await asyncio.Event().wait()
        raise StoreUnavailableError

    newcomer = Server(store, next(spaces))
    newcomer.revocations._loader._snapshots = Reading(store.stores.snapshots, refuse)
    with pytest.raises(RevocationViewStaleError):
        await newcomer.start()
    assert asyncio.all_tasks() == before
    assert len(newcomer.revocations) == 0
    newcomer.revocations._loader._snapshots = store.stores.snapshots
    await newcomer.start()
    assert None not in newcomer.read_from[1:]
    assert all(newcomer.knows(entry) for entry in saved)


async def test_a_part_is_read_while_the_one_before_is_taken_in(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile]
) -> None:
    read, events, being_read = store.stores.snapshots.read, [], [0]

    async def note(snapshot: Snapshot, number: int) -> bytes | None:
        events.append(("begun", number))
        being_read.append(being_read[-1] + 1)
        part = await read(snapshot, number)
        being_read.append(being_read[-1] - 1)
        events.append(("read", number))
        return part

    newcomer = Server(store, next(spaces))
    newcomer.revocations._loader._snapshots = Reading(store.stores.snapshots, note)
    await newcomer.start()
    assert events.index(("begun", 1)) < events.index(("read", 0))
    assert max(being_read) == 2
    assert all(newcomer.knows(entry) for entry in saved)


class Reading:
    """Snapshots whose parts are read in a way of its own."""

    def __init__(self, snapshots: Any, read: Any) -> None:
        self.find, self.read = snapshots.find, read


@pytest.mark.parametrize("loss", ["diverged", "emptied"])
async def test_a_snapshot_of_another_history_is_not_used(
    store: Store, server: Server, spaces: Iterator[ScratchFile], loss: str
) -> None:
    kept, copy = await revoke(store, MANY), await OldCopy.of(store)
    lost = await revoke(store, 5)
    await server.start()
    assert await server.save()
    snapshot = {key: await store.redis.get(key) for key in (store.key("snapshot"), *await parts(store))}
    await (copy.come_back() if loss == "diverged" else store.redis.flushall())
    saved = (kept if loss == "diverged" else []) + await revoke(store, MANY)
    for key, value in snapshot.items():
        await store.redis.set(key, value, px=2 * HALF_AN_HOUR)
    newcomer = await starts_on_the_log(store, saved, spaces)
    assert not any(newcomer.knows(entry) for entry in lost)
    # And it is replaced.
    assert await newcomer.save()
    again = Server(store, next(spaces))
    await again.start()
    assert None not in again.read_from


@pytest.mark.usefixtures("saved")
async def test_a_snapshot_that_is_written_half_is_not_found_and_the_former_one_stays(
    store: Store, server: Server, spaces: Iterator[ScratchFile]
) -> None:
    former = await store.stores.snapshots.find(store.partition())
    await revoke(store, MAX_BEHIND + 1)
    await server.start()

    async def die(_: Position) -> bool:
        raise StoreUnavailableError

    begin = store.stores.snapshots.begin

    async def begin_and_die(*given: Any, **named: Any) -> Any:
        writer = await begin(*given, **named)
        writer.finish = die
        return writer

    server.keeper._snapshots = Dying(store.stores.snapshots, begin_and_die)
    with pytest.raises(StoreUnavailableError):
        await server.save()
    found = await store.stores.snapshots.find(store.partition())
    assert found
    assert former
    assert found.id == former.id
    newcomer = Server(store, next(spaces))
    await newcomer.start()
    assert None not in newcomer.read_from


class Dying:
    """Snapshots whose writer comes to an end of its own."""

    def __init__(self, snapshots: Any, begin: Any) -> None:
        self.begin, self.find = begin, snapshots.find


async def test_of_many_servers_one_writes(
    store: Store, server: Server, spaces: Iterator[ScratchFile]
) -> None:
    await revoke(store, MANY)
    others = [server, *(Server(store, space) for space in (next(spaces), next(spaces)))]
    for one in others:
        await one.start()
    assert sorted(await asyncio.gather(*(one.save() for one in others))) == [False, False, True]
    assert not any([await one.save() for one in others])


async def test_who_has_lost_the_right_to_write_publishes_nothing(
    store: Store, saved: list[Revocation]
) -> None:
    snapshots, partition = store.stores.snapshots, store.partition()
    found = await snapshots.find(partition)
    writer = await snapshots.begin(partition, former=None)
    assert writer
    assert await snapshots.begin(partition, former=None) is None
    assert 0 < await store.redis.pttl(store.key(SNAPSHOT_LEASE_KEY)) <= 10_000
    await store.redis.set(key_in(partition, SNAPSHOT_LEASE_KEY), b"another")
    assert not await writer.add(saved[0].pack())
    assert not await writer.finish(Position(b"i" * 16, partition, 1, "tag"))
    assert (await snapshots.find(partition)).id == found.id


async def test_what_was_revoked_here_while_a_snapshot_was_loaded_stays(
    store: Store, saved: list[Revocation], spaces: Iterator[ScratchFile]
) -> None:
    newcomer = Server(store, next(spaces))
    view, partition = newcomer.revocations.view, store.partition()
    load, stronger = view.loaded, saved[0].expire_ms + 1
    weaker = Revocation(RevocationType.TOKEN, saved[1].hashed_id, FOREVER_MS, 1)

    def late(of: int) -> None:
        if of == partition:
            view.apply(partition, Revocation(RevocationType.TOKEN, saved[0].hashed_id, FOREVER_MS, stronger))
            view._recent[partition][weaker.hashed_id] = weaker
        load(of)

    view.loaded = late
    await newcomer.start()
    assert view.find(saved[0].hashed_id).expire_ms == stronger
    assert view.find(saved[1].hashed_id) == saved[1]
