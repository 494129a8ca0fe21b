"""The rules of browsers' sessions that clients in all languages have: tests/vectors/browser-*.json."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from sessiond import (
    NextAction,
    PermissionDeniedError,
    Reason,
    RefreshRefusedError,
    Rejection,
    Session,
    Tokens,
    UnavailableError,
)
from sessiond.asgi import SessionMiddleware, optional, require
from sessiond.browser import AsyncBrowser
from sessiond.browsing.style import Cookies, Style
from sessiond.browsing.texts import is_same_session, readable, self_reference
from sessiond.current import current_session
from sessiond.errors import Details
from tests.support.middleware.answers import ask_asgi

VECTORS = Path(__file__).parents[1] / "vectors"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
COUNTS = {"none": 0, "one": 1, "several": 2}


def read(name: str) -> Any:
    return json.loads((VECTORS / f"browser-{name}.json").read_text())


def text(said: Any) -> str:
    """A text, or one of which each part is there as often as it says."""
    return said if isinstance(said, str) else "".join(part * times for part, times in said)


def rows(name: str, group: str) -> Any:
    return pytest.mark.parametrize("row", read(name)[group], ids=lambda row: row.get("name", json.dumps(row)))


def style(row: Any) -> Style:
    return Style(**row["style"])


def tokens(row: Any) -> Tokens:
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else NOW + timedelta(seconds=seconds)

    return Tokens(
        text(row["access_token"]),
        at(row["access_expires_in"]),
        row["refresh_token"],
        at(row["refresh_expires_in"]),
        Session.example(),
    )


@rows("cookies", "set")
def test_cookies_are_set(row: Any) -> None:
    brought = style(row).read(row.get("brought", []))
    lines, fits = style(row).set(tokens(row), NOW, brought)
    assert (lines, fits) == ([text(line) for line in row["lines"]], row["fits"])
    assert max(map(len, lines)) <= 4096


@rows("cookies", "clear")
def test_cookies_are_cleared(row: Any) -> None:
    assert style(row).clear(style(row).read(row["brought"])) == row["lines"]


@rows("cookies", "mark")
def test_an_answer_is_marked(row: Any) -> None:
    assert style(row).mark(Cookies(0, 1, "", row["refresh_token"], "", frozenset())) == row["line"]


@rows("cookies", "read")
def test_cookies_are_read(row: Any) -> None:
    found = style(row).read([text(line) for line in row["headers"]])
    assert (found.access_count, found.access_token) == (COUNTS[row["access"]], text(row["access_token"]))
    assert (found.refresh_count, found.refresh_token) == (COUNTS[row["refresh"]], row["refresh_token"])
    assert found.is_marked == row["marked"]


@rows("cookies", "development_hosts")
def test_cookies_of_development_are_for_this_machine(row: Any) -> None:
    assert Style(development=True).allows_host(row["host"]) == row["allowed"]
    assert Style().allows_host(row["host"])


@rows("cookies", "refresh_paths")
def test_a_refresh_token_is_sent_to_its_path(row: Any) -> None:
    assert Style(refresh_path=row["refresh_path"]).refreshes(row["path"]) == row["sent"]


@rows("texts", "self")
def test_a_browser_is_sent_to_where_it_was(row: Any) -> None:
    assert self_reference(row["target"]) == row["location"]


@rows("texts", "user_agents")
def test_user_agents_are_made_readable(row: Any) -> None:
    header = text(row["header"]).encode().decode("latin-1")
    assert readable(header) == text(row["device"])


@rows("texts", "same_session")
def test_refresh_tokens_tell_their_session(row: Any) -> None:
    assert is_same_session(*row["tokens"]) == row["same"]


@rows("texts", "refresh_tokens")
def test_what_has_no_form_is_asked_about_by_nobody(row: Any) -> None:
    found = Cookies(0, 1, "", text(row["token"]), "", frozenset())
    assert found.has_refresh_form == row["asked"]


RENEWED = Tokens("n.e.w", None, "sdr1_new", None, Session.example())


class Scripted:
    """Gives what a row says, and takes note of what it is asked."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.asked: list[str] = []
        self.seconds = 0.0

    async def validate(self, token: str, *_: Any, **__: Any) -> Any:
        self.asked.append("validate")
        said = self.given["new_verdict" if token == RENEWED.access_token else "verdict"]
        if isinstance(said, dict) and "reason" in said:
            return Rejection(Reason(said["reason"]), "-", NextAction(said["next_action"]), "")
        return said_of(said) or Session.example(token)

    async def refresh(self, *_: Any, **__: Any) -> Any:
        self.asked.append("refresh")
        self.seconds += self.given["milliseconds"] / 1000
        return said_of(self.given["refreshed"]) or RENEWED


def said_of(said: Any) -> None:
    """Raise what is said to go wrong."""
    if isinstance(said, dict):
        after = timedelta(seconds=said["unavailable"])
        raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "-", Details("", {}, after))
    if said == "internal":
        raise PermissionDeniedError(grpc.StatusCode.PERMISSION_DENIED, "-", Details("CALLER_UNKNOWN"))
    if said not in {"accepted", "tokens"}:
        raise RefreshRefusedError(grpc.StatusCode.UNAUTHENTICATED, "-", Details(said))


def headers_of(given: Any) -> list[tuple[str, str]]:
    told = [("Cookie", "__Host-session=h.p.s")] * COUNTS[given["access"]]
    if given["refresh"] == "malformed":
        told.append(("Cookie", "__Host-session-refresh=a|b"))
    else:
        told += [("Cookie", "__Host-session-refresh=sdr1_AAAA")] * COUNTS[given["refresh"]]
    told.append(("Sec-Fetch-Site", "cross-site" if given["cross_site"] else "same-origin"))
    further = {
        "marked": ("Cookie", f"__Host-session-mark={MARKS.get(given['refresh'])}"),
        "authorization": ("Authorization", given["authorization"]),
        "navigation": ("Sec-Fetch-Mode", "navigate"),
        "upgrade": ("Upgrade", "websocket"),
    }
    return told + [header for name, header in further.items() if given[name]]


LINES = {
    "set": [
        "__Host-session=n.e.w; Path=/; HttpOnly; Secure; SameSite=Lax",
        "__Host-session-refresh=sdr1_new; Path=/; HttpOnly; Secure; SameSite=Lax",
    ],
    "clear": [
        "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
        "__Host-session-refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
    ],
    "keep": [],
}

REST = "HttpOnly; Secure; SameSite=Lax"
# Of each refresh token that a row may bring.
MARKS = {"one": "ff597680366358f9", "malformed": "0eab8a0a3380abf4"}


async def told(scope: Any, receive: Any, send: Any) -> None:
    session = current_session()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
    await send(
        {"type": "http.response.body", "body": f"for {session.subject if session else 'nobody'}".encode()}
    )


@rows("decisions", "decisions")
async def test_requests_of_browsers_are_answered_as_the_vectors_say(row: Any) -> None:
    given, expect = read("decisions")["defaults"] | row["given"], row["expect"]
    client = Scripted(given)
    site = AsyncBrowser(client, refresh_path="/session" if given["elsewhere"] else "")
    site._steady = lambda: client.seconds
    rule = optional() if given["optional"] else require()
    method = "POST" if given["cross_site"] else "GET"
    app = SessionMiddleware(told, site, default=rule)
    answer = await ask_asgi(app, headers_of(given), method, query=b"page=2")
    assert client.asked == expect["asks"]
    assert answer.status == expect.get("status", 307 if expect["outcome"] == "sent_back" else 200)
    body = answer.body.decode()
    assert {"session": body.startswith("for ") and body != "for nobody", "nobody": body == "for nobody"}.get(
        expect["outcome"], not body.startswith("for ")
    )
    assert "body" not in expect or answer.json == expect["body"]
    assert "retry_after" not in expect or answer.values("retry-after") == [str(expect["retry_after"])]
    assert answer.status != 401 or answer.values("www-authenticate")
    is_sent_back = expect["outcome"] == "sent_back"
    gone = ["__Host-session-mark=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"]
    further = gone if given["marked"] and expect["cookies"] == "clear" else []
    mark = f"__Host-session-mark={MARKS.get(given['refresh'])}; Path=/; Max-Age=3600; {REST}"
    lines = LINES | {"mark": [mark]}
    assert answer.values("set-cookie") == lines[expect["cookies"]] + further
    assert answer.values("location") == (["./orders?page=2"] if is_sent_back else [])
    assert answer.values("vary") == ["Cookie"]
    is_private = answer.status != 200 or expect["cookies"] != "keep"
    assert answer.values("cache-control") == (["no-store"] if is_private else ["public"])
