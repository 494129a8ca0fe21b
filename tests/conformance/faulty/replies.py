"""The replies that a case lists for a method, one after another, and how each is given."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.conformance.faulty import wire
from tests.conformance.faulty.wire import JsonObject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.conformance.faulty.connection import Call, Exchange

_OK = [("grpc-status", "0")]


class Script:
    """What is left of the replies of each method, and the gates that some wait at."""

    def __init__(self, replies: Mapping[str, Sequence[JsonObject]]) -> None:
        self._left: dict[str, list[JsonObject]] = {}
        self.replace(replies)
        self._gates: dict[str, asyncio.Event] = {}
        self.waiting: list[str] = []
        """The gates at which replies have waited, or wait."""
        self.unforeseen: list[str] = []
        """Methods of the calls for which no reply was left."""

    def replace(self, replies: Mapping[str, Sequence[JsonObject]]) -> None:
        """Go on with other replies, for the methods that they are for."""
        self._left |= {method: [dict(reply) for reply in listed] for method, listed in replies.items()}

    def next(self, method: str) -> JsonObject:
        """The next reply to a method."""
        left = self._left.get(method)
        if not left:
            self.unforeseen.append(method)
            return {"status": "UNIMPLEMENTED", "message": "the case has no reply for this call"}
        reply, times = left[0], left[0].get("times", 1)
        if times == 1:
            left.pop(0)
        elif times != "any":
            reply["times"] = times - 1
        return reply

    def gate(self, name: str) -> asyncio.Event:
        """The gate of this name, closed at first."""
        return self._gates.setdefault(name, asyncio.Event())


async def give(reply: JsonObject, call: Call, to: Exchange, script: Script) -> None:
    """Answer `call` as `reply` says."""
    if "gate" in reply:
        script.waiting.append(reply["gate"])
        await script.gate(reply["gate"]).wait()
    if "after" in reply:
        await asyncio.sleep(reply["after"])
    if reply.get("going_away"):
        to.go_away(began=True)
    await _give(reply, call, to)


async def _give(reply: JsonObject, call: Call, to: Exchange) -> None:
    if "answer" in reply:
        await _message(wire.answer_of(call.method, reply["answer"]), reply, to)
    elif "judge" in reply:
        await _message(judged(reply["judge"], call), reply, to)
    elif "hex" in reply:
        await _message(bytes.fromhex(reply["hex"]), reply, to)
    elif "status" in reply:
        if reply.get("headers_first"):
            to.headers([(":status", "200"), ("content-type", "application/grpc")])
        to.end(wire.status_headers(reply))
    elif "http" in reply:
        await to.page(reply["http"], reply["content_type"], reply["body"])
    elif "reset" in reply:
        to.reset(reply["reset"])
    elif "never_began" in reply:
        to.go_away(began=False)
    elif "close" in reply:
        to.close()
    else:  # "silence"
        await asyncio.Event().wait()


async def _message(message: bytes, reply: JsonObject, to: Exchange) -> None:
    if "cut" in reply:
        await to.message(message[: reply["cut"]], promised=len(message))
        to.close()
    else:
        await to.message(message)
        to.end(_OK)


def judged(verdicts: Mapping[str, JsonObject], call: Call) -> bytes:
    """The answer that gives each token of a question its verdict; `*` is that of the tokens not named."""
    request = wire.request_of(call.method, call.request)
    if call.method == "ValidateToken":
        return wire.answer_of(call.method, _verdict(verdicts, request.get("token", "")))
    results = [_verdict(verdicts, token) for token in request.get("tokens", [])]
    return wire.answer_of(call.method, {"results": results})


def _verdict(verdicts: Mapping[str, JsonObject], token: str) -> JsonObject:
    """A verdict, in which `$tail` is what stands behind the last hyphen of the token."""
    named = json.dumps(verdicts.get(token, verdicts["*"]))
    verdict: JsonObject = json.loads(named.replace("$tail", token.rpartition("-")[2]))
    return verdict
