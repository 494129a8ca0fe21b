"""Where a wish comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Who makes a call, which one, and what they said beside it; empty where they said nothing.

    `client_ip` is the address of the end user's device as the caller tells it, `request_id` the name that
    the call has elsewhere.
    """

    caller: str
    method: str = ""
    request_id: str = ""
    client_ip: str = ""
    note: str = ""
