"""What no row of the vectors and no case of the suite can say of browsers' sessions."""

import asyncio
import gc
import json
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from flask import Flask

from sessiond import Device, RefreshRefusedError, Session, Tokens, UnavailableError, current_session
from sessiond.asgi import PUBLIC, SessionMiddleware, optional
from sessiond.browser import AnswerBegunError, AsyncBrowser, Browser, CookieTooLargeError, CrossSiteError
from sessiond.browsing import flights as flights_module
from sessiond.browsing.flights import AsyncFlights, Flights, key_of
from sessiond.fastapi import protect, require
from sessiond.flask import protect as protect_flask
from sessiond.flask import public
from sessiond.testing import FakeSessiond
from tests.support.middleware.answers import ask_asgi, ask_wsgi, http_scope

pytest_plugins = ["sessiond.testing.fixtures"]

TEXTS = Path(__file__).parents[1] / "vectors" / "browser-texts.json"
OURS = [("Sec-Fetch-Site", "same-origin"), ("User-Agent", "tests")]
TESTS = Device(user_agent="tests")


def cookies(tokens: Tokens, *, access: bool = True) -> list[tuple[str, str]]:
    both = [f"__Host-session={tokens.access_token}"] * access
    return [("Cookie", "; ".join([*both, f"__Host-session-refresh={tokens.refresh_token}"])), *OURS]


def names(answer: Any) -> list[str]:
    return [line.partition("=")[0] for line in answer.values("set-cookie")]


def site_with(client: Any, handler: Any, **options: Any) -> Any:
    """A site with one route, whose handler is a coroutine function."""
    site = AsyncBrowser(client, **options)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begin = {"type": "http.response.start", "status": 200, "headers": []}
        await handler(site, lambda: send(begin))
        await send({"type": "http.response.body", "body": b""})

    return SessionMiddleware(app, site, routes={"/public": PUBLIC, "/optional": optional()})


async def answers(_: Any, begin: Any) -> None:
    await begin()


async def test_whoever_leaves_does_not_end_a_refresh(fake_sessiond: FakeSessiond) -> None:
    tokens = fake_sessiond.login(device=TESTS)
    async with fake_sessiond.async_client() as client:
        begun, go_on = asyncio.Event(), asyncio.Event()

        class Held:
            validate = client.validate

            async def refresh(self, *asked: Any, **options: Any) -> Any:
                assert not begun.is_set()
                begun.set()
                await go_on.wait()
                return await client.refresh(*asked, **options)

        app = site_with(Held(), answers)
        leaving = asyncio.ensure_future(ask_asgi(app, cookies(tokens, access=False)))
        await begun.wait()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        staying = asyncio.ensure_future(ask_asgi(app, cookies(tokens, access=False)))
        await asyncio.sleep(0)
        go_on.set()
        answer = await staying
    assert (answer.status, names(answer)) == (200, ["__Host-session", "__Host-session-refresh"])
    assert [call.method for call in fake_sessiond.calls].count("RefreshSession") == 1


async def test_whoever_leaves_does_not_end_a_logout() -> None:
    begun, ended = asyncio.Event(), []
    answers: weakref.WeakSet[asyncio.Future[None]] = weakref.WeakSet()

    class Held:
        validate = None

        async def revoke_refresh_token(self, token: str) -> None:
            answer = asyncio.get_running_loop().create_future()
            answers.add(answer)
            begun.set()
            await answer
            ended.append(token)

    async def log_out(site: Any, _: Any) -> None:
        await site.logout()

    asked = ask_asgi(site_with(Held(), log_out), cookies(TOKENS), "POST", "/public")
    leaving = asyncio.ensure_future(asked)
    await begun.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    gc.collect()
    for answer in answers:
        answer.set_result(None)
    await asyncio.sleep(0)
    assert ended == [TOKENS.refresh_token]


async def test_new_cookies_are_set_where_a_handler_fails(fake_sessiond: FakeSessiond) -> None:
    async with fake_sessiond.async_client() as client:
        app, site = FastAPI(), AsyncBrowser(client)
        protect(app, site)

        @app.get("/orders")
        async def orders() -> None:
            raise ZeroDivisionError

        tokens, sent = fake_sessiond.login(device=TESTS), []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {**http_scope(cookies(tokens, access=False), "/orders"), "type": "http", "method": "GET"}
        with pytest.raises(ZeroDivisionError):
            await app(scope, None, send)  # type: ignore[arg-type]
    start, _ = sent
    assert start["status"] == 500
    assert len([value for name, value in start["headers"] if name == b"set-cookie"]) == 2


async def test_a_refresh_that_nobody_waits_for_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    flights, begun = AsyncFlights(), asyncio.Event()

    async def fails() -> Tokens:
        begun.set()
        await asyncio.sleep(0)
        raise ValueError

    caller = asyncio.ensure_future(flights.join(b"key", fails))
    await begun.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


class Looked(dict[bytes, Any]):
    """Says when so many have looked for a flight."""

    def __init__(self, count: int) -> None:
        self.all_have = threading.Semaphore(0)
        self.count = count

    def get(self, key: bytes, default: Any = None) -> Any:
        found = super().get(key, default)
        self.count -= 1
        if not self.count:
            self.all_have.release()
        return found


def test_threads_join_a_refresh_and_its_failure() -> None:
    flights, looked, made = Flights(), Looked(6), []
    flights._flying = looked  # type: ignore[misc]

    def refresh() -> Tokens:
        made.append(1)
        looked.all_have.acquire(timeout=10)
        raise RuntimeError

    with ThreadPoolExecutor(6) as threads:
        joined = [threads.submit(flights.join, b"key", refresh) for _ in range(6)]
        assert {type(one.exception()) for one in joined} == {RuntimeError}
    assert (len(made), flights._flying) == (1, {})


async def test_more_refreshes_than_there_is_room_for_are_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights_module, "_MOST", 1)
    flights = AsyncFlights()

    async def never() -> Tokens:
        await asyncio.Event().wait()
        raise AssertionError

    async def not_made() -> Tokens:
        raise AssertionError

    first = asyncio.ensure_future(flights.join(b"one", never))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError) as caught:
        await flights.join(b"another", not_made)
    assert caught.value.retry_after == timedelta(seconds=1)
    blocking = Flights()
    with pytest.raises(UnavailableError):
        blocking.join(b"one", lambda: blocking.join(b"another", Tokens))  # type: ignore[arg-type]
    first.cancel()


def test_another_device_makes_a_refresh_of_its_own() -> None:
    bearers: list[Any] = [
        {},
        {"device": TESTS},
        {"device": Device(label="tests")},
        {"certificate_sha256": bytes(32)},
    ]
    assert len({key_of("token", bearer) for bearer in bearers}) == 4
    assert key_of("token", {}) != key_of("other", {})
    assert key_of("token", {"device": Device(ip_address="::1")}) == key_of("token", {"device": Device()})


async def test_several_rules_refresh_once(fake_sessiond: FakeSessiond) -> None:
    async with fake_sessiond.async_client() as client:
        app, site = FastAPI(), AsyncBrowser(client)
        protect(app, site)
        router = APIRouter(dependencies=[Depends(require(audiences=["sessiond-dev"]))])

        @router.get("/orders")
        async def orders(session: Annotated[Session, Depends(require(scopes=["orders:read"]))]) -> str:
            return session.subject

        app.include_router(router)
        tokens = fake_sessiond.login(scopes=["orders:read"], device=TESTS)
        answer = await ask_asgi(app, cookies(tokens, access=False))
    assert (answer.json, names(answer)) == ("alice", ["__Host-session", "__Host-session-refresh"])
    assert [call.method for call in fake_sessiond.calls].count("RefreshSession") == 1


async def test_a_login_ends_the_session_of_before_and_a_logout_this_one(fake_sessiond: FakeSessiond) -> None:
    async with fake_sessiond.async_client() as client:
        former = fake_sessiond.login(device=TESTS)
        new = fake_sessiond.login(device=TESTS)

        async def log_in(site: Any, begin: Any) -> None:
            assert site.device == TESTS
            await site.start(new)
            await begin()

        answer = await ask_asgi(site_with(client, log_in), cookies(former), path="/public")
        assert [line.partition(";")[0] for line in answer.values("set-cookie")] == [
            f"__Host-session={new.access_token}",
            f"__Host-session-refresh={new.refresh_token}",
        ]
        with pytest.raises(RefreshRefusedError, match="SESSION_REVOKED"):
            await client.refresh(former.refresh_token, device=TESTS)

        async def log_out(site: Any, begin: Any) -> None:
            await site.logout()
            await begin()

        answer = await ask_asgi(site_with(client, log_out), cookies(new))
        assert [line.partition(";")[0] for line in answer.values("set-cookie")] == [
            "__Host-session=",
            "__Host-session-refresh=",
        ]
        with pytest.raises(RefreshRefusedError, match="SESSION_REVOKED"):
            await client.refresh(new.refresh_token, device=TESTS)


async def raised_by(act: Any, headers: Any, client: Any = None, **options: Any) -> list[BaseException]:
    """What an act raises in a handler, behind a public route."""
    raised: list[BaseException] = []

    async def handler(site: Any, begin: Any) -> None:
        try:
            await act(site, begin)
        except Exception as error:  # noqa: BLE001 - whatever it is is told
            raised.append(error)
        await begin()

    await ask_asgi(site_with(client or object(), handler, **options), headers, path="/public", method="POST")
    return raised


TOKENS = Tokens("h.p.s", None, "sdr1_AAAA", None, Session.example())


async def test_what_cannot_be_started_says_why() -> None:
    async def late(site: Any, begin: Any) -> None:
        await begin()
        await site.start(TOKENS)

    def starts(tokens: Any) -> Any:
        return lambda site, _: site.start(tokens)

    large = replace(TOKENS, access_token="a" * 5_000)
    found = [
        *await raised_by(late, OURS),
        *await raised_by(starts(large), OURS),
        *await raised_by(starts(replace(TOKENS, refresh_token="a; b")), OURS),
        *await raised_by(starts(None), OURS),
        *await raised_by(starts(TOKENS), OURS, development=True),
        *await raised_by(lambda site, _: site.logout(), [("Sec-Fetch-Site", "cross-site")]),
    ]
    assert [type(error).__name__ for error in found] == [
        "AnswerBegunError",
        "CookieTooLargeError",
        "ValueError",
        "ValueError",
        "InvalidArgumentError",
        "CrossSiteError",
    ]
    assert isinstance(found[1], CookieTooLargeError)
    assert found[1].size == 5_000
    assert {AnswerBegunError, CrossSiteError} == {type(found[0]), type(found[5])}


async def test_another_site_clears_no_cookies_where_nobody_has_to_be_known() -> None:
    """A browser leaves the cookies out of its request, but takes those of the answer."""

    async def handler(site: Any, begin: Any) -> None:
        with pytest.raises(CrossSiteError):
            await site.logout()
        await begin()

    headers = [("Sec-Fetch-Site", "cross-site")]
    answer = await ask_asgi(site_with(object(), handler), headers, path="/optional", method="POST")
    assert (answer.status, names(answer)) == (200, [])


@pytest.mark.parametrize("number", [0, 3])
async def test_a_login_of_the_same_session_does_not_end_it(number: int) -> None:
    row = json.loads(TEXTS.read_text())["same_session"][number]
    former, new = (replace(TOKENS, refresh_token=token) for token in row["tokens"])
    revoked = []

    class Client:
        validate = None

        async def revoke_refresh_token(self, token: str) -> None:
            revoked.append(token)

    assert await raised_by(lambda site, _: site.start(new), cookies(former), Client()) == []
    assert revoked == ([] if row["same"] else [former.refresh_token])


async def test_a_former_session_that_cannot_be_ended_is_told_to_the_operator(
    fake_sessiond: FakeSessiond, caplog: pytest.LogCaptureFixture
) -> None:
    async with fake_sessiond.async_client() as client:
        former = fake_sessiond.login(device=TESTS)
        with fake_sessiond.away(), caplog.at_level(logging.WARNING):
            assert await raised_by(lambda site, _: site.start(TOKENS), cookies(former), client) == []
    assert "the session of before a login is not ended: UNAVAILABLE" in caplog.text


async def test_a_refreshed_token_that_is_too_large_is_told_to_the_operator(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Large:
        async def validate(self, *_: Any, **__: Any) -> Session:
            return Session.example()

        async def refresh(self, *_: Any, **__: Any) -> Tokens:
            return replace(TOKENS, access_token="a" * 5_000)

    answer = await ask_asgi(site_with(Large(), answers), cookies(TOKENS, access=False))
    assert (answer.status, names(answer)) == (200, ["__Host-session-refresh"])
    assert "too large for its cookie: each request refreshes anew: 5000 bytes" in caplog.text


@pytest.mark.parametrize("gives", [None, replace(TOKENS, refresh_token="a; Domain=example")])
async def test_what_a_cookie_cannot_hold_comes_into_none(gives: Any) -> None:
    class Strange:
        validate = None

        async def refresh(self, *_: Any, **__: Any) -> Any:
            return gives

    answer = await ask_asgi(site_with(Strange(), answers), cookies(TOKENS, access=False))
    assert (answer.status, names(answer)) == (500, [])

    class StrangeOnThreads:
        def refresh(self, *_: Any, **__: Any) -> Any:
            return gives

    app = Flask(__name__)
    protect_flask(app, Browser(StrangeOnThreads()))  # type: ignore[arg-type]
    answer = ask_wsgi(app, cookies(TOKENS, access=False))
    assert (answer.status, names(answer)) == (500, [])


def test_a_site_on_threads(fake_sessiond: FakeSessiond) -> None:
    client = fake_sessiond.client()
    app, site = Flask(__name__), Browser(client)
    protect_flask(app, site)

    @app.get("/orders")
    def orders() -> Any:
        return current_session().subject, {"Cache-Control": "public", "Set-Cookie": "__Host-session=x"}  # type: ignore[union-attr]

    @app.post("/login")
    @public
    def login() -> str:
        site.start(client.create_local_session("bob", device=site.device))
        return "-"

    @app.post("/logout")
    @public
    def logout() -> str:
        site.logout()
        return "-"

    tokens = fake_sessiond.login(device=TESTS)
    answer = ask_wsgi(app, cookies(tokens, access=False))
    assert (answer.status, names(answer)) == (200, ["__Host-session", "__Host-session-refresh"])
    assert answer.values("cache-control") == ["no-store"]
    assert answer.values("vary") == ["Cookie"]
    answer = ask_wsgi(app, OURS, "POST", "/login")
    assert (answer.status, len(answer.values("set-cookie"))) == (200, 2)
    answer = ask_wsgi(app, cookies(tokens), "POST", "/logout")
    assert (answer.status, len(answer.values("set-cookie"))) == (200, 2)
    assert ask_wsgi(app, cookies(tokens)).status == 401


@pytest.mark.parametrize(
    ("mistake", "error", "text"),
    [
        (lambda: AsyncBrowser(object(), cookie="session"), ValueError, "cookie: found 'session'"),  # type: ignore[arg-type]
        (lambda: Browser(object(), refresh_path="session"), ValueError, "refresh_path: found 'session'"),  # type: ignore[arg-type]
        (lambda: Browser(object(), refresh_path="/session/"), ValueError, "refresh_path"),  # type: ignore[arg-type]
        (lambda: Browser(object(), refresh_path="/a;b"), ValueError, "refresh_path"),  # type: ignore[arg-type]
        (lambda: SessionMiddleware(None, AsyncBrowser(object()), cookie="a"), TypeError, "found 'cookie'"),  # type: ignore[arg-type]
        (lambda: AsyncBrowser(object()).device, RuntimeError, "through the middleware of this site"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_of_the_program_are_found(mistake: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        mistake()
