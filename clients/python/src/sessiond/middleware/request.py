"""What a decision needs to know of a request, whatever framework it came by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A request, or a call.

    `path` is escaped, as it came, and `query` stands behind it. `header` gives all values under a name in
    small letters. `opens_stream` says that it is to become a stream both ways, such as a WebSocket.
    `certificate` gives the client's certificate in DER, if there is one that counts.
    """

    method: str
    path: str
    header: Callable[[str], Sequence[str]]
    certificate: Callable[[], bytes | None]
    opens_stream: bool = False
    query: str = ""
