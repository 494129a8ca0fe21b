"""Snapshots behind their port: parts of less than a mebibyte, and a manifest that is written last."""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.store.partitions import SNAPSHOT_KEY, SNAPSHOT_LEASE_KEY, SNAPSHOT_PART_KEY
from sessiond_server.adapters.store.scripts.catalogue import (
    CLAIM_SNAPSHOT,
    LOAD_SNAPSHOT,
    SAVE_SNAPSHOT,
    SAVE_SNAPSHOT_PART,
)
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.revocation import ENTRY, NO_ID, Position
from sessiond_server.service.storage.snapshots import Snapshot, Snapshots, SnapshotWriter

# Version, id, incarnation, number and tag of the position, and how many parts there are. The digests of the
# parts follow, and that of everything before it.
_MANIFEST: Final = struct.Struct(">B16s16sQ16sI")
_VERSION: Final = 2
_DIGEST_BYTES: Final = 32
_ID_BYTES: Final = 16
# The entries are hashes for the most part, which nothing makes smaller; the rest is nearly the same in all.
_COMPRESSION: Final = 1
_MAX_PART_BYTES: Final = 1 << 20


class RedisSnapshots(Snapshots):
    """Snapshots in Redis or Valkey; each part is compressed."""

    def __init__(self, scripts: Scripts, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._scripts = scripts
        self._randomness = randomness

    @override
    async def find(self, partition: int) -> Snapshot | None:
        kept = await self._scripts.run(LOAD_SNAPSHOT, partition, part=SNAPSHOT_KEY)
        return _read_manifest(kept.found, partition, kept.life_ms) if kept.found else None

    @override
    async def read(self, snapshot: Snapshot, number: int) -> bytes | None:
        key, partition = _part_key(snapshot.id, number), snapshot.position.partition
        part = (await self._scripts.run(LOAD_SNAPSHOT, partition, part=key)).found
        if part is None:
            return None
        return await asyncio.to_thread(_opened, part, snapshot.digests[number])

    @override
    async def begin(self, partition: int, *, former: Snapshot | None) -> SnapshotWriter | None:
        holder = self._randomness(_ID_BYTES)
        if not await self._scripts.run(CLAIM_SNAPSHOT, partition, lease=SNAPSHOT_LEASE_KEY, holder=holder):
            return None
        return _Writer(self._scripts, partition, holder, former)


class _Writer(SnapshotWriter):
    """The one who holds the lease; who that is is the snapshot's id too."""

    def __init__(self, scripts: Scripts, partition: int, holder: bytes, former: Snapshot | None) -> None:
        self._scripts = scripts
        self._partition = partition
        self._holder = holder
        self._former = former
        self._digests: list[bytes] = []

    @override
    async def add(self, entries: bytes) -> bool:
        part = await asyncio.to_thread(zlib.compress, entries, _COMPRESSION)
        number = len(self._digests)
        self._digests.append(hashlib.sha256(part).digest())
        return await self._scripts.run(
            SAVE_SNAPSHOT_PART,
            self._partition,
            lease=SNAPSHOT_LEASE_KEY,
            part=_part_key(self._holder, number),
            holder=self._holder,
            packed_part=part,
        )

    @override
    async def finish(self, position: Position) -> bool:
        former = self._former
        return await self._scripts.run(
            SAVE_SNAPSHOT,
            self._partition,
            lease=SNAPSHOT_LEASE_KEY,
            manifest=SNAPSHOT_KEY,
            holder=self._holder,
            packed_manifest=_write_manifest(self._holder, position, self._digests),
            former=former.id if former else NO_ID,
            former_parts=len(former.digests) if former else 0,
        )


def _part_key(snapshot: bytes, number: int) -> str:
    return f"{SNAPSHOT_PART_KEY}{snapshot.hex()}:{number}"


def _opened(part: bytes, digest: bytes) -> bytes | None:
    """The entries of a part; None where it is not as it was written."""
    if hashlib.sha256(part).digest() != digest:
        return None
    unpacking = zlib.decompressobj()
    entries = unpacking.decompress(part, _MAX_PART_BYTES)
    is_whole = len(entries) == len(entries) // ENTRY.size * ENTRY.size
    return entries if unpacking.eof and is_whole else None


def _write_manifest(snapshot: bytes, at: Position, digests: Sequence[bytes]) -> bytes:
    head = _MANIFEST.pack(_VERSION, snapshot, at.incarnation, at.number, at.tag.encode(), len(digests))
    text = head + b"".join(digests)
    return text + hashlib.sha256(text).digest()


def _read_manifest(manifest: bytes, partition: int, life_ms: int) -> Snapshot | None:
    """What a manifest says; None for one of another version, or that is not as it was written."""
    text, digest = manifest[:-_DIGEST_BYTES], manifest[-_DIGEST_BYTES:]
    if hashlib.sha256(text).digest() != digest or len(text) < _MANIFEST.size or text[0] != _VERSION:
        return None
    _, identifier, incarnation, number, tag, count = _MANIFEST.unpack_from(text)
    position = Position(incarnation, partition, number, tag.rstrip(b"\0").decode("ascii"))
    places = range(_MANIFEST.size, _MANIFEST.size + count * _DIGEST_BYTES, _DIGEST_BYTES)
    return Snapshot(identifier, position, tuple(text[at : at + _DIGEST_BYTES] for at in places), life_ms)
