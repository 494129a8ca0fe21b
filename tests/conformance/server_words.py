"""The words of case files for servers: what they are, how they reply, what they are told to do."""

from __future__ import annotations

from typing import Final

from tests.conformance.faulty.wire import CODES, UNARY_METHODS
from tests.conformance.shapes import (
    Members,
    Rows,
    any_of,
    anything,
    chosen,
    flag,
    hexadecimal,
    list_of,
    map_of,
    members,
    number,
    object_of_anything,
    one_of,
    text,
    truth,
    whole,
)

KINDS: Final = ("session", "provider_session", "token", "subject", "tenant", "client", "issuer", "key")
LINK_STATES: Final = ("held", "cut", "lost", "late", "whole")
AGENT_STATES: Final = ("frozen", "thawed", "renewed")
_status: Final[Members] = {
    "message": text,
    "reason": text,
    "domain": text,
    "metadata": map_of(text),
    "more_infos": list_of(members({}, {"reason": text, "domain": text, "metadata": map_of(text)})),
    "retry_after": number,
    "pushback_ms": whole(-1),
    "details_hex": hexadecimal,
}
_status_reply = members({"status": one_of(*CODES)}, _status)
_around: Final[Members] = {
    "times": any_of(whole(2), one_of("any"), called='a whole number from 2 on, or "any"'),
    "gate": text,
    "after": number,
    "going_away": flag,
}
_message = {**_around, "cut": whole(0)}
REPLY: Final = chosen(
    {
        "answer": members({"answer": object_of_anything}, _message),
        "judge": members({"judge": map_of(object_of_anything)}, _message),
        "hex": members({"hex": hexadecimal}, _message),
        "status": members({"status": one_of(*CODES)}, {**_around, **_status, "headers_first": truth}),
        "http": members({"http": whole(100), "content_type": text, "body": text}, _around),
        "reset": members({"reset": text}, _around),
        "never_began": members({"never_began": flag}, _around),
        "close": members({"close": flag}, _around),
        "silence": members({"silence": flag}, _around),
    }
)
REPLIES: Final = map_of(list_of(REPLY, least=1), keys=UNARY_METHODS)
_changes: Final[Members] = {
    "max_staleness": number,
    "every": number,
    "age": number,
    "delay": number,
    "configuration": text,
}
WATCH: Final = members({}, {**_changes, "refusals": list_of(_status_reply)})
SERVER: Final = members(
    {},
    {
        "replies": REPLIES,
        "watch": WATCH,
        "listen": one_of("tcp", "unix", "tls", "mtls"),
        "how": one_of("serve", "silent", "close"),
        "away": flag,
    },
)

AT: Final[Members] = {"at": text}
_count: Final[Members] = {"count": whole(1)}
# Of each action of a server the members that it must have, and those that it may have.
ACTIONS: Final[Rows] = {
    "start": ({}, {}),
    "stop": ({}, {}),
    "drop": ({}, {}),
    "open": ({"gate": text}, {}),
    "replies": ({"replies": REPLIES}, {}),
    "await_gate": ({"gate": text}, {}),
    "await_calls": (_count, {}),
    "await_left": (_count, {}),
    "await_connections": (_count, {}),
    "await_closed": (_count, {}),
    "await_watches": (_count, {}),
    "connections": ({"expect": anything}, {}),
    "calls": ({"expect": anything}, {}),
    "revoke": ({"kind": one_of(*KINDS), "issuer": text, "id": text}, {"times": whole(1)}),
    "watch_reset": ({}, {}),
    "watch_set": ({"watch": members({}, _changes)}, {}),
    "watch_hold": ({}, {}),
    "watch_flow": ({}, {}),
    "watch_end": ({"status": _status_reply}, {}),
    "watch_tell": ({"event": object_of_anything}, {}),
    "watch_tell_bytes": ({"hex": hexadecimal}, {}),
    "link": ({"side": one_of("before", "behind"), "state": one_of(*LINK_STATES)}, {}),
    "agent": ({"state": one_of(*AGENT_STATES)}, {}),
    "renew_certificates": ({}, {}),
    "write_key": ({"key": text}, {}),
    "sign": ({"as": text}, {"header": object_of_anything, "claims": object_of_anything, "forged": flag}),
}
