"""What this server has revoked and not seen in the log yet: a store that fails over may lose it unnoticed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sessiond_server.domain.revocation import Revocation
from sessiond_server.service.storage.revocations import Logged


class OwnRevocations:
    """Tells which of them a log does not have, although it was read behind their acknowledgement.

    The entry from which a reader goes on may be in both histories, so that nothing else tells.
    """

    def __init__(self) -> None:
        self._unread: defaultdict[int, dict[bytes, Revocation]] = defaultdict(dict)

    def acknowledged(self, logged: Logged) -> None:
        """The store has appended this for us."""
        self._unread[logged.position.partition].update((one.hashed_id, one) for one in logged.revocations)

    def unread(self, partition: int) -> Collection[bytes]:
        """The hashed ids of what a read that is sent now has to bring, unless it was read before."""
        return tuple(self._unread[partition])

    def read(self, partition: int, revocations: Iterable[Revocation]) -> None:
        """The log has brought this."""
        unread = self._unread[partition]
        for one in revocations if unread else ():
            if unread.get(one.hashed_id) == one:
                del unread[one.hashed_id]

    def take_lost(self, partition: int, wanted: Collection[bytes]) -> set[bytes]:
        """What was `unread` when a read was sent that has come to the log's end, and did not come."""
        unread = self._unread[partition]
        return {key for key in wanted if unread.pop(key, None)}
