"""The one decision on a request that brings no token but in cookies."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, TypeAlias

from sessiond.browsing.refusals import SUPERSEDED, Refreshed
from sessiond.middleware import denials
from sessiond.middleware.denials import Denial
from sessiond.results import NextAction

# For so many seconds a browser's cookies are taken for those that a request brought: a refusal that comes
# later clears nothing, as somebody may have logged in meanwhile. A cookie is deleted by its name, whatever
# its value.
_LONGEST_WITHOUT_LOGIN: Final = 1.0
_SEVERAL: Final = denials.invalid(ValueError("several cookies of one name"))


class Ask(Enum):
    """What a decision needs to know.

    VALIDATE is answered by what is wrong with the access token, None for nothing: that of a refresh once
    there was one. REFRESH is answered by `Refreshed`, ELAPSED by the seconds since the request arrived.
    """

    VALIDATE = auto()
    REFRESH = auto()
    ELAPSED = auto()


Answered: TypeAlias = Denial | Refreshed | float | None


class Outcome(Enum):
    """What becomes of a request."""

    SESSION = auto()  # it goes on with a session
    NOBODY = auto()  # it goes on without
    DENIED = auto()
    SENT_BACK = auto()  # it is redirected to itself


class Change(Enum):
    """What becomes of the cookies."""

    KEEP = auto()
    SET = auto()
    CLEAR = auto()
    MARK = auto()  # they stay, and the browser is told which refresh token the answer is about


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request brings.

    `is_cross_site`: another site may have caused it. `is_upgrade`: its answer may be written past the
    headers, and cookies with them. `is_refreshed_elsewhere`: the refresh token is sent to another path alone.
    `is_marked`: the browser has had an answer about its refresh token, and has no newer one. `missing` is
    what a request without a token is told.
    """

    access_count: int
    refresh_count: int
    is_cross_site: bool
    is_optional: bool
    is_upgrade: bool
    is_refreshed_elsewhere: bool
    is_navigation: bool
    is_marked: bool
    missing: Denial


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a request; `denial` is of one that is denied."""

    outcome: Outcome
    change: Change = Change.KEEP
    denial: Denial | None = None


Deciding: TypeAlias = Generator[Ask, Answered, Decision]


def decide(presented: Presented) -> Deciding:
    """Decide, by asking what it yields."""
    if not presented.access_count and not presented.refresh_count:
        return _without(presented)
    if presented.is_cross_site:  # before anything is asked, or spent
        return _denied(denials.CROSS_SITE)
    if presented.access_count > 1:
        return _denied(_SEVERAL)
    if not presented.access_count:
        return (yield from _refresh(presented, presented.missing))
    denied = yield Ask.VALIDATE
    if isinstance(denied, Denial) and denied.next_action is NextAction.REFRESH:
        return (yield from _refresh(presented, denied))
    return _judged(presented, denied, Change.KEEP)


def _without(presented: Presented) -> Decision:
    if presented.is_optional:
        return Decision(Outcome.NOBODY)
    if presented.is_refreshed_elsewhere:
        return _denied(_refreshing(presented.missing))
    return _denied(presented.missing)


def _refresh(presented: Presented, denied: Denial) -> Deciding:
    """For who may have a session, but no good access token, and what is told of that otherwise."""
    if presented.refresh_count > 1:
        return _denied(_SEVERAL)
    if not presented.refresh_count and not presented.is_refreshed_elsewhere:
        return _judged(presented, replace(denied, next_action=NextAction.REAUTHENTICATE), Change.KEEP)
    if not presented.refresh_count or presented.is_upgrade:
        return _denied(_refreshing(denied))
    refreshed = yield Ask.REFRESH
    assert isinstance(refreshed, Refreshed)  # noqa: S101 - the answer to this question
    return (yield from _refreshed(presented, refreshed))


def _refreshed(presented: Presented, refreshed: Refreshed) -> Deciding:
    """What follows from a refresh."""
    if refreshed.failed is not None:
        return _denied(refreshed.failed)
    if refreshed.refusal is None:
        return _judged(presented, (yield Ask.VALIDATE), Change.SET)
    refusal = refreshed.refusal
    if refusal.reason == SUPERSEDED and presented.is_navigation and not presented.is_marked:
        return Decision(Outcome.SENT_BACK, Change.MARK)
    if not refusal.has_ended:
        return _judged(presented, refusal.denial(), Change.KEEP)
    elapsed = yield Ask.ELAPSED
    is_soon = isinstance(elapsed, float) and elapsed <= _LONGEST_WITHOUT_LOGIN
    # It may have been under way for long, and somebody may have logged in since it was sent.
    change = Change.CLEAR if presented.is_marked and is_soon else Change.MARK
    return _judged(presented, refusal.denial(), change)


def _judged(presented: Presented, denied: Answered, change: Change) -> Decision:
    """What follows from a verdict.

    A browser cannot leave its cookies out: where nobody has to be known, one whose session has ended is
    nobody.
    """
    if not isinstance(denied, Denial):
        return Decision(Outcome.SESSION, change)
    if presented.is_optional and denied.next_action is NextAction.REAUTHENTICATE:
        return Decision(Outcome.NOBODY, change)
    return Decision(Outcome.DENIED, change, denied)


def _denied(denial: Denial) -> Decision:
    return Decision(Outcome.DENIED, Change.KEEP, denial)


def _refreshing(denial: Denial) -> Denial:
    return replace(denial, next_action=NextAction.REFRESH)
