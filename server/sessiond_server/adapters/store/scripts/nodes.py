"""The port of the store's nodes: which of them has a partition is no matter of who asks."""

from __future__ import annotations

from typing import Any, Protocol

from sessiond_server.adapters.store.scripts.declaration import Lane


class Nodes(Protocol):
    """Sends commands to the node that has a partition now.

    A command is carried out once, or not at all: it is sent again only where a node has said that it has not
    carried it out, because another one has the partition.
    """

    async def send(self, partition: int, lane: Lane, *command: Any, replicas: int = 0) -> Any:
        """What the partition's node answers, once `replicas` of them have what the command wrote.

        Raises:
            NotReplicatedError: the command was carried out, and too few replicas have it yet; repeating it
                waits anew.
            RedisError, OSError: it may or may not have been carried out.
        """

    async def remarks(self) -> list[str]:
        """What could be better about how nodes are found."""
        return []
