"""The nodes of a cluster: each partition is in one slot, and the nodes themselves tell who has it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.exceptions import AskError, MovedError, RedisError
from typing_extensions import override

from sessiond_server.adapters.store.connection import Node, StoreAddress
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.adapters.store.replication import send
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.nodes import Nodes
from sessiond_server.adapters.store.store_errors import (
    NoPrimaryError,
    TooManyRedirectionsError,
    may_have_moved,
)
from sessiond_server.adapters.store.time_limits import TIMEOUT_SECONDS
from sessiond_server.domain.address import Address
from sessiond_server.domain.store_url import StoreUrl

# A node that has not heard of a failover yet may send us to one that sends us back.
_MOST_REDIRECTIONS: Final = 4
# How long a call may look for its partition's node, however many nodes are away.
_SEARCH_SECONDS: Final = 2 * TIMEOUT_SECONDS
# Nodes of former days are forgotten beyond so many.
_MOST_NODES: Final = 256
# It is in every partition that was ever used.
_ANY_KEY: Final = "head"
# What a node calls itself where it does not know how it is reached.
_UNKNOWN_HOSTS: Final = frozenset({"", "?"})


class ClusterNodes(Nodes):
    """Learns where a partition is from the redirections of nodes, and asks others where a node has failed.

    redis-py's own client of clusters is not used: it sends a script that was redirected without the WAIT that
    stood behind it, and ASKING over another connection than the command that it is for.
    """

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self._named = list(StoreUrl.parse(address.url).nodes)
        self._nodes: dict[Address, Node] = {}
        self._places: dict[int, Address] = {}

    @override
    async def send(self, partition: int, lane: Lane, *command: Any, replicas: int = 0) -> Any:
        at, asking = self._places.get(partition) or await self._search(partition, lane), False
        for _ in range(_MOST_REDIRECTIONS):
            try:
                client = (await self._node(at)).client(lane)
                return await send(client, command, replicas=replicas, asking=asking)
            except MovedError as error:
                at, asking = self._learn(partition, _place_in(error, sender=at)), False
            except AskError as error:
                # The partition is on its way there, and has not arrived yet.
                at, asking = _place_in(error, sender=at), True
            except (RedisError, OSError) as error:
                if may_have_moved(error):
                    self._forget(at)
                raise
        raise TooManyRedirectionsError

    async def aclose(self) -> None:
        """Close every connection."""
        for node in self._nodes.values():
            await node.aclose()

    async def _search(self, partition: int, lane: Lane) -> Address:
        """Ask nodes for the partition, until one has it or says who has."""
        failure: Exception = NoPrimaryError()
        try:
            async with asyncio.timeout(_SEARCH_SECONDS):
                for at in self._candidates():
                    try:
                        client = (await self._node(at)).client(lane)
                        await send(client, ("EXISTS", key_in(partition, _ANY_KEY)), replicas=0)
                    except MovedError as error:
                        return self._learn(partition, _place_in(error, sender=at))
                    except (RedisError, OSError) as error:
                        failure = error
                        self._forget(at)
                    else:
                        return self._learn(partition, at)
        except TimeoutError as error:
            failure = error
        raise failure

    def _candidates(self) -> list[Address]:
        """Whom to ask: those that have other partitions, and answer as far as is known, before the rest."""
        return list(dict.fromkeys([*self._places.values(), *self._named]))

    def _learn(self, partition: int, at: Address) -> Address:
        self._places[partition] = at
        return at

    def _forget(self, at: Address) -> None:
        """A node has failed: where its partitions are is asked anew, and it is asked last."""
        self._places = {partition: place for partition, place in self._places.items() if place != at}
        self._named.sort(key=at.__eq__)

    async def _node(self, at: Address) -> Node:
        if at not in self._nodes:
            if len(self._nodes) >= _MOST_NODES:
                used = set(self._places.values())
                await self._nodes.pop(next(one for one in self._nodes if one not in used)).aclose()
            self._nodes[at] = Node(self._address, at)
        return self._nodes[at]


def _place_in(error: AskError, *, sender: Address) -> Address:
    host = sender.host if error.host in _UNKNOWN_HOSTS else error.host
    return Address(host=host, port=error.port)
