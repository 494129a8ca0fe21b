"""Tells who calls, before anything of a request is read."""

from __future__ import annotations

from collections.abc import Awaitable, Collection

from sessiond_server.domain.caller import Caller
from sessiond_server.service.callers import Callers
from sessiond_server.transport.engine.port import Call


class Identification:
    """Identifies callers; `by_certificate` says that this listener wants certificates of them."""

    def __init__(self, callers: Callers, *, by_certificate: bool) -> None:
        self._callers = callers
        self._by_certificate = by_certificate

    @property
    def everybody(self) -> Collection[Caller]:
        """All who may call anything."""
        return self._callers.everybody

    def identify(self, call: Call) -> None:
        """Note whose call it is; raises `CallerUnknownError`."""
        call.identified = self._callers.identify(call.credentials)

    def identify_early(self, call: Call) -> Awaitable[None] | None:
        """Do the same by the headers alone, where no client certificate may tell as well.

        What is given back is to be waited for: whose call it is can be told only then.
        """
        found = self._callers.identify_early(call.credentials, by_certificate=self._by_certificate)
        if found is None or isinstance(found, Caller):
            call.identified = found
            return None
        return _note(call, found)


async def _note(call: Call, found: Awaitable[Caller]) -> None:
    call.identified = await found
