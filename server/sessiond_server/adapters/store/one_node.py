"""A store that is one node, which is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from typing_extensions import override

from sessiond_server.adapters.store.replication import send
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.nodes import Nodes


class OneNode(Nodes):
    """Has every partition; `clients` are its connections, lane by lane."""

    def __init__(self, clients: Mapping[Lane, Redis]) -> None:
        self.clients = clients

    @override
    async def send(self, partition: int, lane: Lane, *command: Any, replicas: int = 0) -> Any:
        return await send(self.clients[lane], command, replicas=replicas)

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self.clients.values():
            await client.aclose()
