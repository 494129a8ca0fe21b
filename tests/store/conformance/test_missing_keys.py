"""A key of ours that is not here any more is an alarm, and costs nobody a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.store.sealing import SealingKeys, sealing_key_id
from sessiond_server.domain.failures import PepperMissingError, SealingKeyMissingError
from sessiond_server.domain.refresh_token import Peppers
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.storage.sessions import Rotated
from tests.support.commands import ANYBODY, authenticator_over
from tests.support.fakes import RecordingLogger, RecordingTelemetry
from tests.support.leases import Provider, tokens
from tests.support.store import PEPPERS, SEALING, Store, connected

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken

OTHER = b"another key".ljust(32)


class Alarm:
    """What is counted and told of missing keys."""

    def __init__(self) -> None:
        self.telemetry, self.logger = RecordingTelemetry(), RecordingLogger()
        self.missing = MissingKeys(telemetry=self.telemetry, logger=self.logger)

    @property
    def counted(self) -> list[str]:
        return [kind for (kind,) in self.telemetry.of("key_missing")]

    @property
    def told(self) -> list[Any]:
        return [(level, fields) for level, _, fields in self.logger.lines]


def without_its_sealing_key(store: Store, alarm: Alarm) -> Store:
    partitions = len(list(store.partitions))
    sealing = SealingKeys([OTHER], missing=alarm.missing.sealing_key)
    return connected(store.redis, partitions=partitions, sealing=sealing, logger=alarm.logger)


async def test_a_pepper_that_is_missing_is_counted_and_told_once(store: Store) -> None:
    token, alarm = await store.open(), Alarm()
    authenticator = authenticator_over(store, Peppers([OTHER]), alarm.missing)
    for _ in range(3):
        with pytest.raises(PepperMissingError):
            await authenticator.authenticate(token.reveal(), ANYBODY)
    assert alarm.counted == ["pepper"] * 3
    assert alarm.told == [("error", {"kind": "pepper", "key_id": PEPPERS.newest.id.hex()})]
    assert isinstance(await store.rotate(token), Rotated)


async def refreshed(store: Store, token: RefreshToken) -> None:
    await store.rotate(token)


async def shown(store: Store, token: RefreshToken) -> None:
    await store.sessions.get(token.session)


@pytest.mark.parametrize("use", [refreshed, shown])
async def test_a_sealing_key_that_is_missing_is_counted_and_told_once(store: Store, use: Any) -> None:
    token, alarm = await store.open(), Alarm()
    other = without_its_sealing_key(store, alarm)
    for _ in range(3):
        with pytest.raises(SealingKeyMissingError):
            await use(other, token)
    assert alarm.counted == ["sealing"] * 3
    assert alarm.told == [("error", {"kind": "sealing", "key_id": sealing_key_id(SEALING).hex()})]
    assert isinstance(await store.rotate(token), Rotated)


async def test_whoever_makes_keys_up_does_not_fill_the_log(store: Store) -> None:
    token, alarm = await store.open(), Alarm()
    for number in range(100):
        alarm.missing.pepper(number.to_bytes(4, "big"))
    assert (len(alarm.counted), len(alarm.told)) == (100, 64)
    assert await store.sessions.get(token.session)


async def test_what_is_to_be_revoked_waits_for_its_key_and_keeps_nothing_else_waiting(
    provider: Provider,
) -> None:
    """Were it dropped, its refresh token would stay good at the provider."""
    store, alarm = provider.store, Alarm()
    other = without_its_sealing_key(store, alarm)
    ended, _ = await store.create(tokens=tokens("1"))
    theirs, _ = await other.create(tokens=tokens("2"))
    await store.end(ended.session)
    await store.end(theirs.session)
    queued = await other.stores.queue.take()
    assert queued is not None
    assert queued.refresh_token == "refresh-2"
    for _ in range(2):
        assert await other.stores.queue.take() is None
    taken = store.key("torevoke:taken")
    for entry, _due_ms in await store.redis.zrange(taken, 0, -1, withscores=True):
        await store.redis.zadd(taken, {entry: 0})
    assert [level for level, _ in alarm.told].count("error") == 2
    found = [await store.stores.queue.take() for _ in range(2)]
    assert "refresh-1" in {one.refresh_token for one in found if one}
