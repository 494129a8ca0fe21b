"""Opens the store: everything that is kept there, behind its ports.

Nobody else needs to know what the store is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sessiond_server.adapters.store.cluster_nodes import ClusterNodes
from sessiond_server.adapters.store.connection import (
    MAX_CONNECTIONS_OF_A_NODE,
    Identity,
    StoreAddress,
    connect,
)
from sessiond_server.adapters.store.durability import RedisDurability
from sessiond_server.adapters.store.hashed_ids import HashedIssuers
from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.adapters.store.partitions import Partitions
from sessiond_server.adapters.store.records import Records
from sessiond_server.adapters.store.redis_adoptions import RedisAdoptions
from sessiond_server.adapters.store.redis_audit_stream import RedisAuditStream
from sessiond_server.adapters.store.redis_cutoffs import RedisCutoffs
from sessiond_server.adapters.store.redis_exchanges_ahead import RedisExchangesAhead
from sessiond_server.adapters.store.redis_key_sets import RedisKeySets
from sessiond_server.adapters.store.redis_key_use import RedisKeyUses
from sessiond_server.adapters.store.redis_proof_memory import RedisProofMemory
from sessiond_server.adapters.store.redis_provider_revocations import RedisProviderRevocations
from sessiond_server.adapters.store.redis_rates import RedisBuckets
from sessiond_server.adapters.store.redis_replication import RedisReplication
from sessiond_server.adapters.store.redis_revocation_log import RedisRevocationLog
from sessiond_server.adapters.store.redis_session_leases import RedisSessionLeases
from sessiond_server.adapters.store.redis_session_store import RedisSessionStore
from sessiond_server.adapters.store.redis_snapshots import RedisSnapshots
from sessiond_server.adapters.store.redis_store_writes import RedisStoreWrites
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys, sealing_key_id
from sessiond_server.adapters.store.sentinel_nodes import SentinelNodes
from sessiond_server.domain.store_url import StoreKind, StoreUrl
from sessiond_server.service.audit.streamed_events import AuditStream
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.adoptions import Adoptions
from sessiond_server.service.storage.ahead import ExchangesAhead
from sessiond_server.service.storage.cutoffs import Cutoffs
from sessiond_server.service.storage.durability import Durability
from sessiond_server.service.storage.key_sets import SharedKeySets
from sessiond_server.service.storage.key_use import KeyUses
from sessiond_server.service.storage.leases import SessionLeases
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.storage.proofs import ProofMemory
from sessiond_server.service.storage.queue import ProviderRevocations
from sessiond_server.service.storage.rates import SharedBuckets
from sessiond_server.service.storage.replication import Replication
from sessiond_server.service.storage.revocations import RevocationLog
from sessiond_server.service.storage.sessions import SessionRules, SessionStore
from sessiond_server.service.storage.snapshots import Snapshots
from sessiond_server.service.storage.writes import StoreWrites
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import Tracer

__all__ = [
    "MAX_CONNECTIONS_OF_A_NODE",
    "HashedIssuers",
    "Identity",
    "SessionRules",
    "StoreAddress",
    "Stores",
    "open_stores",
    "sealing_key_id",
    "stores_over",
]


class OpenAuditStream(Protocol):
    """Opens a stream of audit events by its name, which is not one of ours."""

    def __call__(self, name: str, *, max_entries: int) -> AuditStream:
        """The stream, of which about so many entries are kept."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What is kept in the store, port by port."""

    sessions: SessionStore
    cutoffs: Cutoffs
    leases: SessionLeases
    ahead: ExchangesAhead
    adoptions: Adoptions
    revocations: RevocationLog
    queue: ProviderRevocations
    proofs: ProofMemory
    buckets: SharedBuckets
    key_sets: SharedKeySets
    durability: Durability
    writes: StoreWrites
    replication: Replication
    snapshots: Snapshots
    audit_stream: OpenAuditStream
    key_uses: KeyUses


@asynccontextmanager
async def open_stores(
    address: StoreAddress,
    *,
    partitions: int,
    sealing_keys: Sequence[bytes],
    issuers: HashedIssuers,
    rules: SessionRules,
    steady: Callable[[], float],
    telemetry: Telemetry,
    logger: Logger,
    tracer: Tracer | None = None,
) -> AsyncIterator[Stores]:
    """Open the store at `address` until the context closes; it is asked for nothing yet.

    `issuers` are those that are configured. `steady` is the clock by which calls say when they came.

    Raises:
        ValueError: a sealing key is too short, or given twice.
    """
    missing = MissingKeys(telemetry=telemetry, logger=logger)
    sealing = SealingKeys(sealing_keys, missing=missing.sealing_key)
    async with AsyncExitStack() as stack:
        nodes = open_nodes(address, steady=steady, logger=logger)
        stack.push_async_callback(nodes.aclose)
        yield stores_over(
            Scripts(
                nodes,
                telemetry=telemetry,
                logger=logger,
                steady=steady,
                replicas=address.acknowledging_replicas,
                max_log_entries=address.max_revocations // partitions,
                tracer=tracer,
            ),
            partitions=Partitions(partitions),
            sealing=sealing,
            issuers=issuers,
            rules=rules,
            logger=logger,
        )


def open_nodes(
    address: StoreAddress, *, steady: Callable[[], float], logger: Logger
) -> OneNode | SentinelNodes | ClusterNodes:
    """The store's nodes; close them with `aclose`."""
    match StoreUrl.parse(address.url).kind:
        case StoreKind.NODE:
            return OneNode({lane: connect(address, lane=lane) for lane in Lane})
        case StoreKind.SENTINEL:
            return SentinelNodes(address, steady=steady, logger=logger)
        case StoreKind.CLUSTER:
            return ClusterNodes(address)


def stores_over(
    scripts: Scripts,
    *,
    partitions: Partitions,
    sealing: SealingKeys,
    issuers: HashedIssuers,
    rules: SessionRules,
    logger: Logger,
) -> Stores:
    """The ports over connections that are open."""
    records = Records(sealing, issuers, logger=logger)
    return Stores(
        sessions=RedisSessionStore(
            scripts,
            partitions=partitions,
            sealing=sealing,
            issuers=issuers,
            rules=rules,
            records=records,
            logger=logger,
        ),
        cutoffs=RedisCutoffs(scripts, partitions=partitions),
        leases=RedisSessionLeases(scripts, partitions=partitions, sealing=sealing, records=records),
        ahead=RedisExchangesAhead(
            scripts, partitions=partitions, sealing=sealing, issuers=issuers, records=records
        ),
        adoptions=RedisAdoptions(scripts, partitions=partitions, records=records, sealing=sealing),
        revocations=RedisRevocationLog(scripts, partitions=partitions),
        queue=RedisProviderRevocations(
            scripts, partitions=partitions, sealing=sealing, issuers=issuers, logger=logger
        ),
        proofs=RedisProofMemory(scripts, partitions=partitions),
        buckets=RedisBuckets(scripts, partitions=partitions),
        key_sets=RedisKeySets(scripts, sealing, partitions=partitions),
        durability=RedisDurability(scripts, partitions=partitions, replicas=scripts.replicas),
        writes=RedisStoreWrites(scripts, partitions=partitions),
        replication=RedisReplication(scripts),
        snapshots=RedisSnapshots(scripts),
        audit_stream=partial(RedisAuditStream, scripts, partitions=partitions),
        key_uses=RedisKeyUses(scripts, partitions=partitions),
    )
