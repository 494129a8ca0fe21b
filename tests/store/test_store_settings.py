"""What is said of a store's settings that is no reason not to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.connection import Identity, StoreAddress, connect
from sessiond_server.adapters.store.store_settings import remarks_on
from tests.support.store import connected

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from tests.support.watched import Watched

GOOD = {
    "appendfsync": "everysec",
    "no-appendfsync-on-rewrite": "no",
    "min-replicas-to-write": "1",
    "min-replicas-max-lag": "2",
    "repl-backlog-size": "268435456",
    "cluster-require-full-coverage": "no",
}


def names(*, has_replicas: bool = True, is_cluster: bool = True, **found: str) -> list[str]:
    """The settings that are remarked on."""
    settings = GOOD | {name.replace("_", "-"): value for name, value in found.items()}
    remarks = remarks_on(settings, has_replicas=has_replicas, is_cluster=is_cluster)
    return [remark.split()[2] for remark in remarks]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendfsync", "no"),
        ("no-appendfsync-on-rewrite", "yes"),
        ("min-replicas-to-write", "0"),
        ("min-replicas-max-lag", "10"),
        ("min-replicas-max-lag", "0"),
        ("repl-backlog-size", "1048576"),
        ("cluster-require-full-coverage", "yes"),
    ],
)
def test_each_setting_that_could_be_better_is_named(name: str, value: str) -> None:
    assert names() == []
    assert names(**{name.replace("-", "_"): value}) == [name]


def test_what_is_of_no_concern_is_not_remarked_on() -> None:
    bad = {"min_replicas_to_write": "0", "cluster_require_full_coverage": "yes"}
    assert names(has_replicas=False, is_cluster=False, **bad) == []
    assert list(remarks_on({}, has_replicas=True, is_cluster=True)) == []


async def test_the_store_is_asked_for_its_settings(own: Watched, admin: Redis) -> None:
    store = own.connect()
    assert await store.stores.durability.remarks() == []
    await admin.config_set("appendfsync", "no")
    try:
        assert await store.stores.durability.remarks() == [
            "the store's appendfsync is no, better is always: what was acknowledged waits for its disk"
        ]
    finally:
        await admin.config_set("appendfsync", "always")


async def test_a_user_who_may_not_ask_is_told_of(own: Watched, admin: Redis) -> None:
    await admin.execute_command("ACL", "SETUSER", "mute", "on", ">sesame", "~*", "+@all", "-config")
    own.clients.append(connect(StoreAddress(own.url, Identity("mute", lambda: "sesame"))))
    try:
        assert await connected(own.clients[-1]).stores.durability.remarks() == [
            "the store does not tell all of its settings: allow our user the command config|get"
        ]
    finally:
        await admin.execute_command("ACL", "DELUSER", "mute")
