"""Bugs that the model must find: texts of scripts, or functions, and what stands there instead."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from sessiond_server.domain import refresh_token
from sessiond_server.service.providers import exchange
from sessiond_server.service.providers.exchange import ProviderExchange
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.sessions.refresh import SessionRefresh
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.uncancelled import Uncancelled

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Bug:
    """`scripts` says by script which text is replaced by which, `functions` who has which instead of what."""

    scripts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    functions: tuple[tuple[Any, str, Any], ...] = ()


def _in(script: str, text: str, instead: str = "") -> Bug:
    return Bug({script: (text, instead)})


def _instead_of(owner: Any, name: str, function: Any) -> Bug:
    assert hasattr(owner, name)
    return Bug(functions=((owner, name, function),))


def _newest_pepper(self: SessionRefresh, token: Any, rotated: Any) -> Any:
    return token.successor(pepper=self._peppers.newest, rotation_salt=rotated.rotation_salt)


async def _given_up_at_once(_: UntilStored, __: str, attempt: Any) -> Any:
    return await attempt()


async def _with_the_caller(_: Uncancelled, work: Any) -> Any:
    return await work


async def _always_released(self: ProviderExchange, rotation: Any, *_: Any) -> Any:
    await self._leases.release(rotation, LeaseEnd.RELEASE)
    raise exchange.ProviderUnavailableError


async def _not_applied(*_: Any) -> None:
    """Knows nothing of what it has revoked itself."""


# Whatever a token's tag is, it counts as the right one.
_NO_TAG: Final = SimpleNamespace(digest=hmac.digest, compare_digest=lambda *_: True)
_END_OF_REUSE: Final = "if came_ms >= closes_ms + pause_ms then -- reused"
_SUPERSEDED: Final = "return {'REFRESH_TOKEN_SUPERSEDED', false, pause_ms} -- superseded"
_REVOKED: Final = "if is_revoked(h, hashed) then"

BUGS: Final[dict[str, Bug]] = {
    "no compare-and-set at the commit": _in(
        "commit", "if h.generation ~= leased_generation or is_outdated then return {'MOVED'} end"
    ),
    "no lease": _in("rotate", "if is_anothers and h.lease_until_ms > now then return {'BUSY'} end"),
    "a lease for ever": _in("rotate", "if is_anothers and h.lease_until_ms > now", "if is_anothers"),
    "replay of older generations": _in(
        "rotate",
        "if is_predecessor and is_the_same and is_repeatable then",
        "if fingerprint == h.fingerprint and is_repeatable then",
    ),
    "replay to another device": _in(
        "rotate", "secret_hash == h.previous_hash and fingerprint == h.fingerprint", "is_predecessor"
    ),
    "replay behind the successor's use": _in("rotate", "not is(h, FLAG_CONFIRMED) and is_held", "is_held"),
    "sliding past the absolute limit": _in(
        "rotate", "math.min(used_ms + h.idle_ms, h.absolute_expire_ms)", "used_ms + h.idle_ms"
    ),
    "no absolute limit": _in("rotate", "if now >= h.absolute_expire_ms then", "if false then"),
    "no idle limit": _in("rotate", "if now >= h.idle_expire_ms then", "if false then"),
    "kill on a late duplicate": _in(
        "rotate", _SUPERSEDED, f"end_session(id, hashed, h, CAUSE_REUSE, entry_life_ms)\n{_SUPERSEDED}"
    ),
    "no kill on reuse": _in("rotate", _END_OF_REUSE, "if false then"),
    "reuse judged when the store is asked": _in("rotate", "math.min(arrived_ms or now, now)", "now"),
    "window not paused": _in("rotate", "return math.min(found_ms, longest_pause_ms)", "return 0"),
    "window paused for ever": _in(
        "rotate", "return math.min(found_ms, longest_pause_ms)", "return FOREVER_MS"
    ),
    "window paused by later outages": _in("rotate", "outage.began_ms < closes_ms and ", ""),
    "window paused without a bound": _in(
        "rotate", "return math.min(found_ms, longest_pause_ms)", "return found_ms"
    ),
    "newest pepper on a replay": _instead_of(SessionRefresh, "_successor", _newest_pepper),
    "a replay that writes nothing": _in("rotate", "h.replays = h.replays + 1\n  save()\n"),
    "tokens without a tag": _instead_of(refresh_token, "hmac", _NO_TAG),
    "refresh of a revoked session": _in("rotate", f"{_REVOKED} return", "if false then return"),
    "revocation that stops no exchange": _in("commit", _REVOKED, "if false then"),
    "what was brought is not revoked": _in(
        "commit", f"{_REVOKED}\n  queue_brought(id, hashed, h, sealed_refresh, hashed_refresh)", _REVOKED
    ),
    "provider's token overwritten by a stale commit": _in(
        "commit", "h.holds > 0 and h.lease_holder ~= holder", "false"
    ),
    "provider's token overwritten by a stale hold": _in(
        "hold", " or h.lease_holder ~= holder then return {0, 0} end", " then return {0, 0} end"
    ),
    "end by a stale holder": _in("settle", " and h.lease_until_ms > now"),
    "end by anybody": _in("settle", " or h.lease_holder ~= holder then", " then"),
    "no hold": _in("rotate", "if h.hold_until_ms > now then return {'HELD'} end"),
    "late commands carried out": _in("rotate", "if now > not_after_ms then", "if false then"),
    "lease given back while the provider may be at it": _instead_of(
        ProviderExchange, "_leave", _always_released
    ),
    "a doubt that began later than now": _in("rotate", "is_first and age_ms >= 0 and", "is_first and"),
    "lease used however late": _instead_of(exchange, "is_in_time", lambda *_: True),
    "what was brought given up with the store": _instead_of(UntilStored, "run", _given_up_at_once),
    "exchange cancelled with its caller": _instead_of(Uncancelled, "run", _with_the_caller),
    "own revocations not applied": _instead_of(Revocations, "apply_up_to", _not_applied),
}
