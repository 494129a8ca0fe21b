"""The way of a server to the provider, which is a real one; what came of each request is known here."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from sessiond_server.adapters.http.outbound import TOKEN_SECONDS, Failed, HttpResponse, Outbound
from tests.support.session_model.attempts import CURRENT, SERVER, Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.session_model.world import World

UPSTREAM_FAULTS: Final = (
    "unreachable",
    "closed",
    "no reply",
    "refused to decide",
    "failed before",
    "failed after",
    "stall before",
    "stall after",
    "unfit",
    "somebody's",
    "no new token",
)
# How the claims of the access token differ that the provider gives for one request.
CLAIMS: Final[dict[str, dict[str, Any]]] = {
    "unfit": {"aud": ["another"]},
    "somebody's": {"sub": "somebody"},
}
_NOT_ASKED: Final = {
    "unreachable": Failed.NOBODY_LISTENS,
    "refused to decide": HttpResponse(401, {}, b'{"error": "invalid_client"}'),
    "failed before": HttpResponse(503, {}, b"{}"),
}
_LOST: Final = {
    "closed": Failed.CLOSED,
    "no reply": Failed.NO_REPLY,
    "failed after": HttpResponse(500, {}, b"{}"),
}


@dataclass(frozen=True)
class Brought:
    """What the provider gave for a refresh token, and what its access token is worth."""

    sent: str
    refresh: str
    is_new: bool
    access: str
    access_expire_ms: int
    kind: str = ""


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class ModelOutbound(Outbound):
    """Calls the real provider; requests for a refresh are refused, lost or kept waiting as planned."""

    world: World

    @override
    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpResponse | Failed:
        with self.world.traffic.passing():
            return await super().get(url, headers=headers)

    @override
    async def post(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str]
    ) -> HttpResponse | Failed:
        attempt, server = CURRENT.get(), SERVER.get()
        assert server
        if form.get("grant_type") != "refresh_token" or attempt is None or self.world.is_direct:
            with self.world.traffic.passing():
                return await super().post(url, form, headers=headers)
        fault = attempt.fault_at("upstream")
        if fault in _NOT_ASKED:
            attempt.brought, attempt.doubt = None, _doubt_of(_NOT_ASKED[fault])
            return _NOT_ASKED[fault]
        answer, brought = await self._pass(url, form, headers, attempt, fault)
        attempt.brought = None if fault in _LOST else brought
        attempt.doubt = _doubt_of(_LOST.get(fault, answer))
        return _LOST.get(fault, answer)

    async def _pass(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], attempt: Attempt, fault: str
    ) -> tuple[HttpResponse | Failed, Brought | None]:
        """What the provider answers in time; it may have been asked where it does not."""
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                if fault == "stall before":
                    await self._stall(attempt)
                found = await asyncio.shield(self.world.spawn(self._ask(url, form, headers, attempt, fault)))
                if fault == "stall after":
                    await self._stall(attempt)
        except TimeoutError:
            self.world.witness.note_given_up(attempt)
            return Failed.NO_REPLY, None
        return found

    async def _stall(self, attempt: Attempt) -> None:
        gate = asyncio.Event()
        attempt.stalls.append(gate)
        self.world.held_back.add(attempt)
        await gate.wait()

    async def _ask(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], attempt: Attempt, fault: str
    ) -> tuple[HttpResponse | Failed, Brought | None]:
        """Ask the provider, whatever becomes of whoever wants to."""
        self.world.witness.note_sent(attempt, form["refresh_token"])
        async with self.world.provider.turn:
            await self.world.provider.set_up(CLAIMS.get(fault, {}), gives_token=fault != "no new token")
            with self.world.traffic.passing():
                answer = await super().post(url, form, headers=headers)
            brought = _brought(form["refresh_token"], answer, fault)
            if brought and fault not in _LOST:
                self.world.witness.note_given(attempt, brought)
            return answer, brought


def _doubt_of(answer: HttpResponse | Failed) -> str:
    """What an exchange that was not decided may have done; how the lease is given back says it."""
    if isinstance(answer, Failed):
        return {Failed.NOBODY_LISTENS: "RELEASE", Failed.NO_REPLY: ""}.get(answer, "DOUBT")
    if answer.status == 400:
        return "END"
    return "DOUBT" if answer.status >= 500 else "RELEASE"


def _brought(sent: str, answer: HttpResponse | Failed, fault: str) -> Brought | None:
    if isinstance(answer, Failed) or answer.status != 200:
        return None
    given = json.loads(answer.body)
    return Brought(
        sent,
        given.get("refresh_token", sent),
        "refresh_token" in given,
        given["access_token"],
        claims_of(given["access_token"])["exp"] * 1000,
        fault if fault in CLAIMS else "",
    )
