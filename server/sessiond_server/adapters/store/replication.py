"""Sends a command to one node, and waits until replicas have what it wrote."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from sessiond_server.adapters.store.store_errors import NotReplicatedError
from sessiond_server.adapters.store.time_limits import REPLICATION_SECONDS

_WAIT_MS: Final = round(REPLICATION_SECONDS * 1000)


async def send(client: Redis, command: tuple[Any, ...], *, replicas: int, asking: bool = False) -> Any:
    """What `command` answers, once `replicas` of them have what it wrote.

    All goes in one pipeline over one connection: WAIT is about what was written over its own connection, and
    on another it answers at once. Replicas have it in memory then, and may not have put it on their disks.
    `asking` says that the node is about to get the command's keys from another one, which has sent us here;
    that holds for the next command of the connection.

    Raises:
        NotReplicatedError: the command was carried out, and too few replicas have it yet; repeating it waits
            anew.
        RedisError: the command or the wait failed.
    """
    if not replicas and not asking:
        # redis-py leaves this one method without types.
        execute: Callable[..., Awaitable[Any]] = client.execute_command
        return await execute(*command)
    pipeline: Pipeline = client.pipeline(transaction=False)
    for one in (
        ([("ASKING",)] if asking else []) + [command] + ([("WAIT", replicas, _WAIT_MS)] if replicas else [])
    ):
        pipeline.execute_command(*one)
    # An error that it raised by itself would have our arguments in its text.
    answers = await pipeline.execute(raise_on_error=False)
    for one in answers:
        if isinstance(one, Exception):
            raise one
    if replicas and answers[-1] < replicas:
        raise NotReplicatedError
    return answers[1 if asking else 0]
