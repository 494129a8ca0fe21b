"""What middleware for HTTP stands on: a client, or a site whose sessions browsers keep."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeAlias, Unpack

from sessiond.browser import AsyncBrowser, Browser
from sessiond.browsing.jar import CURRENT, Jar
from sessiond.browsing.site import Site
from sessiond.current import holding
from sessiond.middleware.denials import Denial
from sessiond.middleware.gate import Admission, AsyncValidator, Question, Validator
from sessiond.middleware.http import Answer, HttpGate, HttpOptions
from sessiond.middleware.per_loop import PerLoop
from sessiond.middleware.request import Request
from sessiond.middleware.rules import Rule

Source: TypeAlias = Validator | Browser
AsyncSource: TypeAlias = AsyncValidator | Callable[[], AsyncValidator] | AsyncBrowser


class _Door:
    """A site has said everything itself, and takes no further options."""

    def __init__(self, site: Site | None, **options: Unpack[HttpOptions]) -> None:
        if site is not None and options:
            raise TypeError(f"options are for the site to have: found {min(options)!r}")
        self._site: Final = site
        self._gate: Final = HttpGate(**options) if site is None else site.gate

    def certificate(self, request: Any) -> bytes | None:
        """That of a request as its framework has it, if it counts."""
        return self._gate.certificate(request)

    def begin(self, read: Callable[[], Request]) -> Jar | None:
        """What a request brought in a site's cookies, as it arrives; without a site it is not read."""
        return None if self._site is None else self._site.begin(read())

    def refuse(self, denial: Denial, request: Any, route: str) -> Answer:
        """The answer to a request that is denied."""
        return self._gate.refuse(denial, request, route)


class Door(_Door):
    """On threads."""

    def __init__(self, source: Source, **options: Unpack[HttpOptions]) -> None:
        super().__init__(source if isinstance(source, Browser) else None, **options)
        self._source: Final = source

    def admit(self, request: Request, rule: Rule, jar: Jar | None) -> Admission:
        """The session of a request, or what it is told."""
        if isinstance(self._source, Browser):
            return self._source.admit(_of_site(jar), rule)
        found = self._gate.examine(request, rule)
        return found.ask(self._source) if isinstance(found, Question) else found


class AsyncDoor(_Door):
    """On asyncio."""

    def __init__(self, source: AsyncSource, **options: Unpack[HttpOptions]) -> None:
        super().__init__(source if isinstance(source, AsyncBrowser) else None, **options)
        self._browser: Final = source if isinstance(source, AsyncBrowser) else None
        self._validators: Final = source.clients if isinstance(source, AsyncBrowser) else PerLoop(source)

    async def admit(self, request: Request, rule: Rule, jar: Jar | None) -> Admission:
        """The session of a request, or what it is told."""
        if self._browser is not None:
            return await self._browser.admit(_of_site(jar), rule)
        found = self._gate.examine(request, rule)
        return await found.ask_async(self._validators.get()) if isinstance(found, Question) else found

    async def close(self) -> None:
        """Close the client that was made for the running loop."""
        await self._validators.close()


def keeping(jar: Jar | None) -> AbstractContextManager[None]:
    """Serve a request that brought this, so that its handlers can start and end sessions."""
    return holding(CURRENT, jar)


def _of_site(jar: Jar | None) -> Jar:
    if jar is None:
        raise RuntimeError("nothing is known of the cookies of this request")
    return jar
