"""A real Chromium, spoken to over the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--remote-debugging-port=0",
    "about:blank",
)
SECONDS_TO_START = 60
SECONDS_TO_ANSWER = 60


class Tab:
    """A page of the browser."""

    def __init__(self, chromium: Chromium, session: str) -> None:
        self._chromium = chromium
        self._session = session

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._chromium.call(method, parameters, self._session)

    async def go(self, url: str) -> None:
        """Load a page, until that is done."""
        await self.call("Page.navigate", url=url)
        await eventually(self._is_loaded, timeout=SECONDS_TO_ANSWER)

    async def _is_loaded(self) -> bool:
        with suppress(RuntimeError):  # the page goes away while it is asked
            return bool(
                await self.run("location.href !== 'about:blank' && document.readyState === 'complete'")
            )
        return False

    async def run(self, script: str) -> Any:
        """What a script of the page gives, once that is settled."""
        answer = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def shows(self, text: str) -> None:
        """Wait until the page has a text."""

        async def has_text() -> bool:
            with suppress(RuntimeError):
                return text in str(await self.run("document.body ? document.body.innerText : ''"))
            return False

        await eventually(has_text, timeout=SECONDS_TO_ANSWER)

    async def cookies(self, url: str) -> dict[str, dict[str, Any]]:
        """Those that the browser would send there, by name."""
        found = await self.call("Network.getCookies", urls=[url])
        return {cookie["name"]: cookie for cookie in found["cookies"]}

    async def forget(self, name: str, url: str) -> None:
        """Have a cookie expire."""
        await self.call("Network.deleteCookies", name=name, url=url)

    async def screenshot(self, path: Path) -> None:
        found = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))


class Chromium:
    """The browser, by its one connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def call(
        self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """What it answers; RuntimeError for an error."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        found = await asyncio.wait_for(answer, SECONDS_TO_ANSWER)
        if "error" in found:
            raise RuntimeError(f"{method}: {found['error']}")
        return found["result"]

    async def listen(self) -> None:
        """Hand out what is answered."""
        async for message in self._socket:
            found = json.loads(message.data)
            answer = self._waiting.pop(found.get("id"), None)
            if answer and not answer.done():
                answer.set_result(found)

    async def open(self) -> Tab:
        """A new page, whose cookies are those of all others."""
        target = await self.call("Target.createTarget", {"url": "about:blank"})
        attached = await self.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        return Tab(self, attached["sessionId"])

    async def forget_everything(self) -> None:
        """Be as new: no cookie is left."""
        await self.call("Storage.clearCookies")


@asynccontextmanager
async def running_chromium(profile: Path, port: int) -> AsyncIterator[Chromium]:
    """A browser to which every host of the web is at this port."""
    assert PROGRAM
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        f"--user-data-dir={profile}",
        f"--host-resolver-rules=MAP * 127.0.0.1:{port}",
        *FLAGS,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = profile / "DevToolsActivePort"
        await eventually(lambda: address.exists() and "\n" in address.read_text(), timeout=SECONDS_TO_START)
        own_port, path = address.read_text().split("\n")[:2]
        async with (
            aiohttp.ClientSession() as web,
            web.ws_connect(f"ws://127.0.0.1:{own_port}{path}", max_msg_size=0) as socket,
        ):
            chromium = Chromium(socket)
            listening = asyncio.create_task(chromium.listen())
            yield chromium
            listening.cancel()
    finally:
        process.terminate()
        await process.wait()
