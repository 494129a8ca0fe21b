"""How many sessions a subject may have, and which of them end where it has more.

A subject may have very many, and the store does one thing at a time: so each script looks at a few of them,
and what is to end is chosen here. A session is stored before others end for it; where that is interrupted,
the subject has one more than it may until its next login, which ends all that are too many.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from sessiond_server.adapters.store.formats import CANDIDATE
from sessiond_server.adapters.store.hashed_ids import hashed
from sessiond_server.adapters.store.limits import MEMBERS_A_CALL
from sessiond_server.adapters.store.records import index_key
from sessiond_server.adapters.store.scripts.catalogue import MAKE_ROOM, SURVEY
from sessiond_server.adapters.store.scripts.replies import RoomReply, SurveyReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.storage.sessions import Eviction, NewSession, SessionRules


class SessionLimit:
    """The limit of sessions of a subject, in `partition`, that opens the session `new`."""

    def __init__(self, scripts: Scripts, rules: SessionRules, new: NewSession, *, partition: int) -> None:
        self._scripts = scripts
        self._rules = rules
        self._new = new
        self._partition = partition

    async def drop_over(self) -> bool:
        """Drop the subject's sessions that are over from its index; whether there were any."""
        return sum([page.dropped async for page in self._survey()]) > 0

    async def make_room(self) -> list[RoomReply]:
        """End sessions that are too many, never the new one; what came of it, call by call."""
        candidates = await self._candidates()
        replies: list[RoomReply] = []
        for at in range(0, len(candidates), MEMBERS_A_CALL):
            made = await self._scripts.run(
                MAKE_ROOM,
                self._partition,
                index=self._index,
                candidates=b"".join(candidates[at : at + MEMBERS_A_CALL]),
                max_sessions=self._rules.max_per_subject,
                entry_life_ms=self._new.entry_life_ms,
            )
            replies.append(made)
            if made.excess == 0:
                break
        return replies

    async def _candidates(self) -> list[bytes]:
        """The subject's other sessions, those first that are to end first."""
        member = self._new.id.raw + self._new.id.hashed
        pages = [page async for page in self._survey()]
        others = [one for page in pages for one in page.live if not one.startswith(member)]
        if self._rules.eviction is Eviction.LEAST_RECENT:
            others.sort(key=_last_used_ms)
        return others

    async def _survey(self) -> AsyncIterator[SurveyReply]:
        login, from_ms, from_id = self._new.login, None, None
        while True:
            page = await self._scripts.run(
                SURVEY,
                self._partition,
                index=self._index,
                subject=hashed(RevocationType.SUBJECT, login.issuer, login.subject),
                from_ms=from_ms,
                from_id=from_id,
            )
            yield page
            from_ms, from_id = page.next_ms, page.next_id
            if from_ms is None:
                return

    @property
    def _index(self) -> str:
        return index_key(self._new.login.issuer, self._new.login.subject)


def _last_used_ms(candidate: bytes) -> int:
    used_ms: int = CANDIDATE.unpack(candidate)[1]
    return used_ms
