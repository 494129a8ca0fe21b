"""Waits until replicas have what a command wrote."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from sessiond_server.adapters.store.store_errors import NotReplicatedError
from sessiond_server.adapters.store.time_limits import REPLICATION_SECONDS

_WAIT_MS: Final = round(REPLICATION_SECONDS * 1000)


async def replicated(client: Redis, command: tuple[Any, ...], *, replicas: int) -> Any:
    """What `command` answers, once `replicas` of them have what it wrote.

    Both go in one pipeline over one connection: WAIT is about what was written over its own connection, and
    on another it answers at once. Replicas have it in memory then, and may not have put it on their disks.

    Raises:
        NotReplicatedError: the command was carried out, and too few replicas have it yet; repeating it waits
            anew.
        RedisError: the command or the wait failed.
    """
    pipeline: Pipeline = client.pipeline(transaction=False)
    pipeline.execute_command(*command).execute_command("WAIT", replicas, _WAIT_MS)  # type: ignore[union-attr]
    # An error that it raised by itself would have our arguments in its text.
    answer, acknowledged = await pipeline.execute(raise_on_error=False)
    for one in (answer, acknowledged):
        if isinstance(one, Exception):
            raise one
    if acknowledged < replicas:
        raise NotReplicatedError
    return answer
