"""Which requests with a cookie another site may have caused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sessiond.middleware.request import Request

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1
_OWN: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class CrossSite:
    """Judges by what browsers say of a request, and scripts in them cannot: no token is kept, or stolen.

    `trusted` are further origins whose pages may send cookies; `allows_missing` lets what says nothing of
    where it comes from through.
    """

    trusted: Sequence[str] = ()
    allows_missing: bool = False

    def forbids(self, request: Request) -> bool:
        """What changes something has to say where it comes from.

        That of a sibling domain (same-site) is another's. Who says nothing may be a browser of old, or one
        whose proxy has dropped what it said.
        """
        if _is_safe(request):
            return False
        sites, origins = request.header("sec-fetch-site"), request.header("origin")
        if len(sites) > 1 or len(origins) > 1:
            return True
        if origins and origins[0] in self.trusted:
            return False
        if sites:
            return sites[0] not in _OWN
        if origins:
            return not _is_host(origins[0], request.header("host"))
        return not self.allows_missing


def _is_safe(request: Request) -> bool:
    """Whether it changes nothing. A WebSocket, and whatever else opens a stream both ways, begins safely."""
    return request.method in _SAFE and not request.opens_stream and not request.header("upgrade")


def _is_host(origin: str, hosts: Sequence[str]) -> bool:
    """Whether an origin is that of the host, whatever its scheme (RFC 6454 §6.2)."""
    _, separator, found = origin.partition("://")
    return separator != "" and len(hosts) == 1 and found != "" and found.lower() == hosts[0].lower()
