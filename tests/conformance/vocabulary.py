"""The words of case files; README.md says what they mean."""

from __future__ import annotations

from typing import Final

from tests.conformance.command_words import COMMANDS
from tests.conformance.server_words import ACTIONS, AT, REPLIES, SERVER, WATCH
from tests.conformance.shapes import (
    Members,
    anything,
    chosen,
    flag,
    list_of,
    map_of,
    members,
    named,
    number,
    object_of_anything,
    one_of,
    text,
    truth,
    whole,
)

GROUPS: Final = (
    "verdicts",
    "errors",
    "deadlines",
    "retries",
    "batches",
    "connection",
    "live",
    "cache",
    "watch",
    "flights",
    "http",
    "grpc",
    "browser",
)
FEATURES: Final = ("cancel", "clock", "key_file", "mtls", "ready", "repeated_metadata", "tls_reload")
RESULTS: Final = (
    "session",
    "rejection",
    "verdicts",
    "tokens",
    "revocation",
    "record",
    "records",
    "done",
    "error",
    "cancelled",
    "serving",
)
# Those of what a backend answers.
ANSWERS: Final = ("status", "headers", "body", "error", "code", "trailers", "messages", "retry_after")

_expect = map_of(anything, keys=RESULTS)
_answered = map_of(anything, keys=ANSWERS)
_begun: Final[Members] = {
    "as": text,
    "later": flag,
    "parallel": whole(2),
    "until": one_of("called", "hit", "matches"),
    "called": truth,
    "within": number,
}
_step: Final[Members] = {
    **_begun,
    "client": text,
    "during": number,
    "accepted": anything,
    "expect": _expect,
}
_asked: Final[Members] = {**_begun, "expect": _answered}
_STEP = chosen(
    {
        "do": named("do", COMMANDS, _step),
        "server": named("server", ACTIONS, AT),
        "http": members({"http": text, "request": list_of(text, least=1)}, {"body": text, **_asked}),
        "grpc": members(
            {"grpc": text, "method": text},
            {"metadata": list_of(list_of(text, least=2)), "messages": list_of(text), **_asked},
        ),
        "testee": members(
            {"testee": one_of("remember", "as_before")}, {"threads": whole(0), "files": whole(0)}
        ),
        "result": members({"result": text, "expect": map_of(anything, keys=(*RESULTS, *ANSWERS))}),
        "cancel": members({"cancel": text}),
    }
)
CASE: Final = members(
    {"name": text, "steps": list_of(_STEP, least=1)},
    {
        "why": text,
        "needs": list_of(one_of(*FEATURES)),
        "replies": REPLIES,
        "watch": WATCH,
        "servers": map_of(SERVER),
        "real": flag,
        "environment": map_of(text),
        "calls": anything,
        "watches": anything,
    },
)
FILE: Final = members({"group": one_of(*GROUPS), "about": text, "cases": list_of(object_of_anything)})
