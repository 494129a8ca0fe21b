"""Sessions that browsers keep in cookies, for the middleware of ASGI, FastAPI, Flask and Django.

    site = AsyncBrowser(lambda: AsyncClient("127.0.0.1:50051"))  # Browser(Client(...)) for threads
    app = SessionMiddleware(app, site)                           # in the place of a client

    tokens = await client.create_session_from_code(issuer, code, device=site.device)
    await site.start(tokens)   # in the handler of the provider's callback: ends the session of before
    await site.logout()        # in that of a POST: ends the session, and takes the cookies away

The cookies are `__Host-session`, with the access token, and `__Host-session-refresh`. Where a request brings
the second, and an access token that has expired or none, the session is refreshed within the request, which
goes on with the new one. A request with an `Authorization` header is judged by that alone.

Of a request that changes something its `Sec-Fetch-Site` or `Origin` has to say that this site caused it, or
one of `trusted_origins`; that is judged before anything is refreshed. So is the opening of a WebSocket, which
never refreshes: the answer to one may be written past the headers, and the new cookies would be lost. A page
makes any other request first.

A session that has ended takes its cookies along when it is told so for the second time: a request may have
been sent before somebody logged in, and a cookie is deleted by its name, whatever its value. Let the
middleware be outside of what answers in a handler's place: new cookies would be lost with its answer.

A browser may hold a request back for long, and send it with the cookies of when it was made. Let
`sessions.grace` of the server be 60s: what comes later with a spent refresh token ends its session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Unpack

from sessiond.browsing import refusals
from sessiond.browsing.clients import AsyncBrowserClient, BrowserClient
from sessiond.browsing.decide import Ask, decide
from sessiond.browsing.errors import AnswerBegunError, CookieTooLargeError, CrossSiteError
from sessiond.browsing.flights import AsyncFlights, Flights, key_of
from sessiond.browsing.jar import Jar
from sessiond.browsing.refusals import Refreshed
from sessiond.browsing.site import Site, require_tokens
from sessiond.errors import SessiondError
from sessiond.middleware.gate import Admission, Question
from sessiond.middleware.http import HttpOptions
from sessiond.middleware.per_loop import PerLoop
from sessiond.middleware.request import Request
from sessiond.middleware.rules import Rule
from sessiond.results import Device, Session, Tokens

__all__ = [
    "AnswerBegunError",
    "AsyncBrowser",
    "AsyncBrowserClient",
    "Browser",
    "BrowserClient",
    "CookieTooLargeError",
    "CrossSiteError",
]


class Browser(Site):
    """A site whose handlers are on threads. One is enough for a site: it spends a refresh token once.

    `development` is for http://localhost alone, where not every browser takes `Secure` cookies: they have
    neither that nor the prefix `__Host-`, but `dev-` instead, and requests to another host are refused.
    With `split_cookies` an access token that is too large for one cookie is in up to three; what stands
    in front of the backend has to take headers of that size. `refresh_path`, such as `/session`, has
    browsers send the refresh token to that path and below it alone: a page refreshes there, and elsewhere
    a request without a good access token is answered 401 with the next action REFRESH. Let logins and
    logouts be below it too: elsewhere they do not know which session to end, once the access token has
    expired. That cookie loses the prefix `__Host-`, and with it the protection from a subdomain that sets
    one. `device` says what is told of the device of a request; a server takes a refresh with another user
    agent or label for another device's. `HttpOptions` has the others.
    """

    def __init__(
        self,
        client: BrowserClient,
        *,
        development: bool = False,
        split_cookies: bool = False,
        refresh_path: str = "",
        device: Callable[[Request], Device] | None = None,
        **options: Unpack[HttpOptions],
    ) -> None:
        super().__init__(
            development=development,
            split_cookies=split_cookies,
            refresh_path=refresh_path,
            device=device,
            **options,
        )
        self._client: Final = client
        self._flights: Final = Flights()

    def admit(self, jar: Jar, rule: Rule) -> Admission:
        """The session of a request, or what it is told."""
        is_decided, found = self._without_cookies(jar, rule)
        if is_decided:
            return found.ask(self._client) if isinstance(found, Question) else found
        deciding, answered, session = decide(self._presented(jar, rule)), None, None
        while True:
            try:
                ask = deciding.send(answered)
            except StopIteration as stop:
                return self._concluded(jar, stop.value, session)
            answered = self._answer(ask, jar, rule)
            if isinstance(answered, Session):
                session, answered = answered, None

    def _answer(self, ask: Ask, jar: Jar, rule: Rule) -> Any:
        match ask:
            case Ask.VALIDATE:
                return self._question(jar, rule).ask(self._client)
            case Ask.REFRESH:
                return self._refresh(jar, rule)
            case Ask.ELAPSED:
                return self._steady() - jar.arrived

    def _refresh(self, jar: Jar, rule: Rule) -> Refreshed:
        if not jar.brought.has_refresh_form:
            return refusals.OF_NO_FORM
        token, bearer = jar.brought.refresh_token, self._bearer(jar, rule)
        try:
            tokens = self._flights.join(key_of(token, bearer), lambda: self._client.refresh(token, **bearer))
            require_tokens(tokens)
        except Exception as error:  # noqa: BLE001 - of any other error the request is refused
            return refusals.of_error(error)
        jar.tokens = tokens
        return Refreshed()

    def start(self, tokens: Tokens) -> None:
        """Give a browser the tokens of a login, by the answer to the request that is being served.

        Where it had a session before, that is ended: whoever knew its cookies has nothing of the new one.

        Raises:
            CookieTooLargeError: the access token does not fit.
            AnswerBegunError: it is too late; as with any other error nothing has been set.
        """
        jar = self._give(tokens)
        former = self._former(jar, tokens)
        if former is not None:
            method, token = former
            try:
                getattr(self._client, method)(token)
            except SessiondError as error:
                self.gate.logger.warning("the session of before a login is not ended: %s", error)

    def logout(self) -> None:
        """End the session that a browser brings, and take its cookies away.

        Where it could not be ended that error is raised and the cookies stay, so that the browser can try
        again.

        Raises:
            CrossSiteError: another site may have caused the request.
            AnswerBegunError: it is too late for the cookies.
        """
        jar, ending = self._ending()
        if ending is not None:
            method, value = ending
            getattr(self._client, method)(value)
        self._clear(jar)


class AsyncBrowser(Site):
    """A site on asyncio; `client` is an `AsyncClient`, or a function that makes one. See `Browser`."""

    def __init__(
        self,
        client: AsyncBrowserClient | Callable[[], AsyncBrowserClient],
        *,
        development: bool = False,
        split_cookies: bool = False,
        refresh_path: str = "",
        device: Callable[[Request], Device] | None = None,
        **options: Unpack[HttpOptions],
    ) -> None:
        super().__init__(
            development=development,
            split_cookies=split_cookies,
            refresh_path=refresh_path,
            device=device,
            **options,
        )
        self.clients: Final = PerLoop(client)
        self._flights: Final[PerLoop[AsyncFlights]] = PerLoop(AsyncFlights)
        self._revoking: Final[set[asyncio.Future[Any]]] = set()

    async def admit(self, jar: Jar, rule: Rule) -> Admission:
        """The session of a request, or what it is told."""
        is_decided, found = self._without_cookies(jar, rule)
        if is_decided:
            return await found.ask_async(self.clients.get()) if isinstance(found, Question) else found
        deciding, session = decide(self._presented(jar, rule)), None
        answered: Any = None
        while True:
            try:
                ask = deciding.send(answered)
            except StopIteration as stop:
                return self._concluded(jar, stop.value, session)
            answered = await self._answer(ask, jar, rule)
            if isinstance(answered, Session):
                session, answered = answered, None

    async def _answer(self, ask: Ask, jar: Jar, rule: Rule) -> Any:
        match ask:
            case Ask.VALIDATE:
                return await self._question(jar, rule).ask_async(self.clients.get())
            case Ask.REFRESH:
                return await self._refresh(jar, rule)
            case Ask.ELAPSED:
                return self._steady() - jar.arrived

    async def _refresh(self, jar: Jar, rule: Rule) -> Refreshed:
        if not jar.brought.has_refresh_form:
            return refusals.OF_NO_FORM
        token, bearer, client = jar.brought.refresh_token, self._bearer(jar, rule), self.client
        try:
            key = key_of(token, bearer)
            tokens = await self._flights.get().join(key, lambda: client.refresh(token, **bearer))
            require_tokens(tokens)
        except Exception as error:  # noqa: BLE001 - of any other error the request is refused
            return refusals.of_error(error)
        jar.tokens = tokens
        return Refreshed()

    @property
    def client(self) -> Any:
        """The client of the running loop."""
        return self.clients.get()

    async def start(self, tokens: Tokens) -> None:
        """Give a browser the tokens of a login; see `Browser.start`."""
        jar = self._give(tokens)
        former = self._former(jar, tokens)
        if former is not None:
            try:
                await self._revoke(*former)
            except SessiondError as error:
                self.gate.logger.warning("the session of before a login is not ended: %s", error)

    async def logout(self) -> None:
        """End the session that a browser brings, and take its cookies away; see `Browser.logout`."""
        jar, ending = self._ending()
        if ending is not None:
            await self._revoke(*ending)
        self._clear(jar)

    async def _revoke(self, method: str, value: str) -> None:
        """It goes on where the browser does not wait for it."""
        task = asyncio.ensure_future(getattr(self.client, method)(value))
        # A loop alone does not keep a task from being collected.
        self._revoking.add(task)
        task.add_done_callback(self._revoking.discard)
        await asyncio.shield(task)
