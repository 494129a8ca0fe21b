"""Sessions in a real browser's cookies, before a site over three processes."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import GO_CLIENT
from tests.browser.front import SITE
from tests.support.vectors import FOLDER, written_out
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.browser.chromium import Tab
    from tests.browser.conftest import Site

pytestmark = pytest.mark.long

URL = f"https://{SITE}"
ACCESS, REFRESH = "__Host-session", "__Host-session-refresh"
README = GO_CLIENT / "README.md"
# What a page makes of an answer: its status, and its text without the line's end.
FETCH = "fetch({!r}).then(async (r) => [r.status, (await r.text()).trim()])"
# One that is refused.
WEB_SOCKET = f"new Promise((done) => {{ new WebSocket('wss://{SITE}/orders').onerror = () => done(1) }})"


async def logged_in(site: Site, name: str = "alice") -> Tab:
    tab = await site.chromium.open()
    await tab.go(f"{URL}/")
    await tab.shows("Welcome")
    await tab.run(f"document.querySelector('input').value = {name!r}; document.forms[0].requestSubmit()")
    await tab.shows(f"Hello, {name}")
    return tab


async def fetch(tab: Tab, target: str) -> list[Any]:
    return await tab.run(FETCH.format(target))


async def session_of(tab: Tab) -> dict[str, str]:
    """The cookies of the browser's session."""
    cookies = await tab.cookies(URL)
    return {name: cookies[name]["value"] for name in (ACCESS, REFRESH) if name in cookies}


def refresh_tokens(site: Site) -> set[str]:
    """All that answers gave out to requests for orders."""
    return {token for one in site.front.of("/orders") if (token := one.value(REFRESH)) is not None}


async def test_a_login_gives_cookies_that_no_script_can_read(site: Site) -> None:
    tab = await logged_in(site)
    cookies = await tab.cookies(URL)
    assert cookies.keys() == {ACCESS, REFRESH}
    for cookie in cookies.values():
        found = {name: cookie[name] for name in ("domain", "path", "httpOnly", "secure", "sameSite")}
        assert found == {"domain": SITE, "path": "/", "httpOnly": True, "secure": True, "sameSite": "Lax"}
    assert await tab.run("document.cookie") == ""
    assert await fetch(tab, "/orders") == [200, "orders of alice"]
    await tab.screenshot(site.shots / "1-logged-in.png")


async def test_fifty_requests_at_once_with_an_expired_cookie_rotate_once(site: Site) -> None:
    tab = await logged_in(site)
    for _ in range(3):
        before = (await tab.cookies(URL))[REFRESH]["value"]
        await tab.forget(ACCESS, URL)
        site.front.exchanges.clear()
        requests = ", ".join(FETCH.format(f"/orders?n={n}") for n in range(50))
        assert await tab.run(f"Promise.all([{requests}])") == [[200, "orders of alice"]] * 50
        assert {one.process for one in site.front.of("/orders")} == {0, 1, 2}
        after = (await tab.cookies(URL))[REFRESH]["value"]
        assert refresh_tokens(site) == {after} != {before}
    await tab.go(f"{URL}/")
    await tab.shows("Hello, alice")
    await tab.screenshot(site.shots / "2-after-fifty-requests.png")


async def test_a_page_is_refreshed_as_it_is_loaded(site: Site) -> None:
    tab = await logged_in(site)
    await tab.forget(ACCESS, URL)
    await tab.go(f"{URL}/?again")
    await tab.shows("Hello, alice")
    assert ACCESS in await tab.cookies(URL)


async def test_a_logout_during_a_refresh_wins(site: Site) -> None:
    tab = await logged_in(site)
    await tab.forget(ACCESS, URL)
    site.front.exchanges.clear()
    held = site.links[1]
    held.hold()
    try:
        slow = asyncio.create_task(fetch(tab, "/orders?process=1"))
        await eventually(lambda: site.front.exchanges)
        assert await tab.run("fetch('/logout?process=2', {method: 'POST'}).then((r) => r.status)") == 200
        assert await session_of(tab) == {}
    finally:
        held.release()
    status, _ = await slow
    assert status == 401
    assert await session_of(tab) == {}
    assert (await fetch(tab, "/orders"))[0] == 401
    await tab.go(f"{URL}/")
    await tab.shows("Welcome")
    await tab.screenshot(site.shots / "3-logged-out.png")


async def test_a_page_that_was_asked_for_with_old_cookies_is_shown_with_new_ones(site: Site) -> None:
    tab = await logged_in(site)
    other = await site.chromium.open()
    await tab.forget(ACCESS, URL)
    site.front.exchanges.clear()
    late = asyncio.create_task(other.go(f"{URL}/?slow&page=2"))
    await eventually(lambda: site.front.exchanges)
    for _ in range(2):  # so that the successor of what the late one brings is in use
        assert await fetch(tab, "/orders") == [200, "orders of alice"]
        await tab.forget(ACCESS, URL)
    site.front.release()
    await late
    await other.shows("Hello, alice")
    sent_back, shown = site.front.of("/")
    assert (sent_back.status, sent_back.location, shown.target) == (307, "./?slow&page=2", "/?slow&page=2")
    assert sent_back.value(REFRESH) is None
    assert await other.run("location.href") == f"{URL}/?slow&page=2"
    await other.screenshot(site.shots / "4-sent-back-and-shown.png")


async def test_a_script_asks_again_whose_cookies_were_old(site: Site) -> None:
    (ask,) = re.findall(r"```js\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    tab, other = await logged_in(site), await site.chromium.open()
    await other.go(f"{URL}/")
    await tab.forget(ACCESS, URL)
    site.front.exchanges.clear()
    late = asyncio.create_task(
        other.run(f"{ask}; ask('/orders?slow', {{method: 'POST'}}).then((answer) => answer.status)")
    )
    await eventually(lambda: site.front.exchanges)
    for _ in range(2):
        assert await fetch(tab, "/orders") == [200, "orders of alice"]
        await tab.forget(ACCESS, URL)
    site.front.release()
    assert await late == 200
    late_ones = [one for one in site.front.of("/orders") if "slow" in one.target]
    assert [one.status for one in late_ones] == [401, 200]
    assert late_ones[0].set_cookies == []


async def test_what_was_sent_before_a_login_logs_nobody_out(site: Site) -> None:
    tab, other = await logged_in(site), await site.chromium.open()
    await other.go(f"{URL}/")
    await tab.forget(ACCESS, URL)
    site.front.exchanges.clear()
    late = asyncio.create_task(fetch(other, "/orders?slow"))
    await eventually(lambda: site.front.exchanges)
    name = "new URLSearchParams({name: 'bob'})"
    await tab.run(f"fetch('/login', {{method: 'POST', body: {name}}})")
    new = await session_of(tab)
    site.front.release()
    assert (await late)[0] == 401
    assert await session_of(tab) == new
    assert await fetch(tab, "/orders") == [200, "orders of bob"]


async def test_a_session_that_has_ended_takes_its_cookies_along(site: Site) -> None:
    tab = await logged_in(site)
    ended = (await session_of(tab))[REFRESH]
    await tab.run("fetch('/logout', {method: 'POST'})")
    for count in (1, 0):
        await tab.call("Network.setCookie", name=REFRESH, value=ended, url=URL, secure=True, path="/")
        assert (await fetch(tab, "/orders"))[0] == 401
        assert len(await session_of(tab)) == count
    assert await tab.cookies(URL) == {}


async def test_two_tabs_have_one_session(site: Site) -> None:
    one, two = await logged_in(site), await site.chromium.open()
    for _ in range(3):
        await one.forget(ACCESS, URL)
        await asyncio.gather(one.go(f"{URL}/"), two.go(f"{URL}/"))
        await asyncio.gather(one.shows("Hello, alice"), two.shows("Hello, alice"))
    await two.run("document.forms[0].requestSubmit()")
    await two.shows("Welcome")
    (logout,) = site.front.of("/logout")
    assert (logout.value(ACCESS), logout.value(REFRESH)) == ("", "")
    await one.go(f"{URL}/")
    await one.shows("Welcome")


async def test_another_site_cannot_act_for_a_visitor(site: Site) -> None:
    tab = await logged_in(site)
    await tab.forget(ACCESS, URL)
    before = (await tab.cookies(URL))[REFRESH]["value"]
    for host, status in (("evil.example", 401), (f"sub.{SITE}", 403)):
        other = await site.chromium.open()
        await other.go(f"https://{host}/")
        site.front.exchanges.clear()
        await other.run(
            f"document.body.innerHTML = '<form method=post action={URL}/orders>'; document.forms[0].submit()"
        )
        await eventually(lambda: site.front.of("/orders"))
        await other.shows("CROSS_SITE" if status == 403 else "NO_CREDENTIALS")
        if status == 403:
            await other.screenshot(site.shots / "5-another-site-refused.png")
        post = "{method: 'POST', mode: 'no-cors', credentials: 'include'}"
        await other.go(f"https://{host}/")
        await other.run(f"fetch('{URL}/logout', {post}).then(() => 1, () => 1)")
        await other.run(WEB_SOCKET)
        assert [one.status for one in site.front.of("/orders")] == [status, status]
        assert site.front.of("/logout")[0].status == 403
        assert not any(one.set_cookies for one in site.front.exchanges)
    assert (await tab.cookies(URL))[REFRESH]["value"] == before
    assert await fetch(tab, "/orders") == [200, "orders of alice"]


async def test_a_web_socket_spends_no_refresh_token(site: Site) -> None:
    tab = await logged_in(site)
    await tab.forget(ACCESS, URL)
    await tab.run(WEB_SOCKET)
    (opening,) = site.front.of("/orders")
    assert (opening.status, opening.set_cookies) == (401, [])
    assert await fetch(tab, "/orders") == [200, "orders of alice"]


async def test_a_lost_answer_logs_nobody_out(site: Site) -> None:
    tab = await logged_in(site)
    before = (await tab.cookies(URL))[REFRESH]["value"]
    await tab.forget(ACCESS, URL)
    site.front.drops_answers = True  # the browser asks again by itself, as often as it has connections
    lost = "fetch('/orders', {method: 'POST'}).then(() => 'an answer', () => 'none')"
    assert await tab.run(lost) == "none"
    site.front.drops_answers = False
    assert (await tab.cookies(URL))[REFRESH]["value"] == before
    assert await fetch(tab, "/orders") == [200, "orders of alice"]
    await tab.forget(ACCESS, URL)
    assert await fetch(tab, "/orders") == [200, "orders of alice"]
    await tab.go(f"{URL}/")
    await tab.shows("Hello, alice")
    await tab.screenshot(site.shots / "6-after-a-lost-answer.png")


async def test_the_browser_keeps_every_cookie_of_the_vectors(site: Site) -> None:
    cases = json.loads((FOLDER / "browser-cookies.json").read_text(encoding="utf-8"))["set"]
    tab = await site.chromium.open()
    for number, case in enumerate(cases):
        host = f"case-{number}.example"
        lines = [written_out(line) for line in case["lines"]]
        site.front.pages[host] = lines
        await tab.go(f"https://{host}/session")
        kept = {
            name: cookie["value"] for name, cookie in (await tab.cookies(f"https://{host}/session")).items()
        }
        pairs = (line.partition(";")[0].partition("=") for line in lines if "Max-Age=0" not in line)
        assert kept == {name: value for name, _, value in pairs}, case["name"]
