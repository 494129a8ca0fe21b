"""Tells who calls, before anything of a request is read."""

from __future__ import annotations

from sessiond_server.domain.failures import CallerUnknownError
from sessiond_server.service.callers import Callers, Credentials
from sessiond_server.transport.engine.port import Call, Status
from sessiond_server.transport.failures import to_status


class Identification:
    """Identifies callers; `by_certificate` says that this listener wants certificates of them."""

    def __init__(self, callers: Callers, *, by_certificate: bool) -> None:
        self._callers = callers
        self._by_certificate = by_certificate

    def identify(self, call: Call) -> None:
        """Note whose call it is; raises `CallerUnknownError`."""
        call.identified = self._callers.identify(call.credentials)

    def refuse(self, credentials: Credentials) -> Status | None:
        """The status for whoever cannot be known by these headers; None where the caller may be known.

        A client certificate may make the caller known as well, where the listener wants one.
        """
        if self._callers.can_be_known(credentials, by_certificate=self._by_certificate):
            return None
        return to_status(CallerUnknownError())
