"""The fake: a server in the process, and what a test does with it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, Unpack
from weakref import WeakSet

import grpc

from sessiond import requests, results
from sessiond.blocking import Client
from sessiond.client import AsyncClient
from sessiond.requests import LocalLogin
from sessiond.results import Tokens
from sessiond.testing.calls import Call
from sessiond.testing.claims import SESSION_ID
from sessiond.testing.names import (
    ACCESS_LIFETIME,
    AUDIENCE,
    ISSUER,
    MAX_STALENESS,
    random_text,
)
from sessiond.testing.rejections import RejectedError
from sessiond.testing.revoking import revoke
from sessiond.testing.service import Service, handlers_of
from sessiond.testing.state import State
from sessiond.testing.tokens import access_header
from sessiond.v1.session_service_pb2 import CreateSessionResponse, RevokeSessionRequest

# Longer than any call takes, on the slowest machine.
_PATIENCE_SECONDS: Final = 10.0
# Streams of revocations need one each.
_THREADS: Final = 64


class FakeSessiond:
    """A sessiond with one issuer, of a test's own; use it as a context manager, or close it with `close`."""

    def __init__(self) -> None:
        self._state: Final = State()
        self._own_key: Final = random_text(16)
        self._keys: Final = {self._own_key}
        self._clients: Final[WeakSet[Client | AsyncClient]] = WeakSet()
        self._service: Final = Service(self._state, self._own_key, self._keys)
        self._threads: Final = ThreadPoolExecutor(_THREADS)
        self._server: Final = grpc.server(self._threads)
        self._server.add_generic_rpc_handlers((handlers_of(self._service),))
        self._port: Final = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server, and close the blocking clients that it made."""
        for client in tuple(self._clients):
            if isinstance(client, Client):
                client.close()
        self._server.stop(0).wait()
        self._threads.shutdown(wait=False)

    @property
    def target(self) -> str:
        """Where the fake listens, for clients that are made in another way than by `client`.

        They know what has changed a second later, at most: methods that change something wait for that while
        one of them watches.
        """
        return f"127.0.0.1:{self._port}"

    def client(self, **options: Any) -> Client:
        """A client as production has it, but for more patience with a slow machine; the fake closes it."""
        client = Client(self.target, **self._with_defaults(options))
        self._clients.add(client)
        return client

    def async_client(self, **options: Any) -> AsyncClient:
        """The same on asyncio; who asked for it closes it."""
        client = AsyncClient(self.target, **self._with_defaults(options))
        self._clients.add(client)
        return client

    def login(self, subject: str = "alice", **login: Unpack[LocalLogin]) -> Tokens:
        """Open a session for a subject, who has just logged in unless `auth_time` says otherwise."""
        with self._state.lock:
            told: LocalLogin = {"auth_time": self._state.now(), **login}
            family = self._state.open(requests.create_local(subject, told))
            response = CreateSessionResponse(tokens=self._state.issue(family))
        return results.to_tokens(response)

    def sign(
        self, *, claims: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None
    ) -> str:
        """A token that is good but for what is given; a value of None leaves a name out.

        Its session is none that was opened.
        """
        with self._state.lock:
            seconds = int(self._state.now().timestamp())
            told = {
                "iss": ISSUER,
                "sub": "alice",
                "aud": AUDIENCE,
                "client_id": AUDIENCE,
                "iat": seconds,
                "exp": seconds + int(ACCESS_LIFETIME.total_seconds()),
                "jti": random_text(16),
                "sid": f"sds_{random_text(16)}",
                "sct": self._state.next_start(),
            }
            return self._state.signer.sign(access_header() | dict(header or {}), told | dict(claims or {}))

    def revoke(self, what: str) -> None:
        """End the session of an access token, of a refresh token, or of a session's id."""
        if SESSION_ID.fullmatch(what):
            target = {"session_id": what}
        else:
            target = {"refresh_token" if what.startswith("sdr1_") else "access_token": what}
        self._revoke(target)

    def revoke_subject(self, subject: str) -> None:
        """End every session of a subject."""
        self._revoke({"subject": {"issuer": ISSUER, "subject": subject}})

    def expire(self, access_token: str) -> None:
        """Have an access token expired from now on, and no other.

        Raises:
            ValueError: it is no access token of this fake.
        """
        with self._changed():
            try:
                self._state.expire(access_token)
            except RejectedError as error:
                raise ValueError(f"what is to expire is no access token of this fake: {error}") from None

    def now(self) -> datetime:
        """The time by the fake's clock, by which tokens are judged: the machine's, unless it is moved."""
        with self._state.lock:
            return self._state.now()

    def advance(self, span: timedelta) -> None:
        """Move the fake's clock, and have clients ask again about everything that they keep."""
        with self._changed(is_reset=True):
            if self._state.stopped is None:
                self._state.ahead += span
            else:
                self._state.stopped += span

    def set_time(self, now: datetime) -> None:
        """Stop the fake's clock at a time, from which only `advance` moves it, and have clients ask again."""
        with self._changed(is_reset=True):
            self._state.stopped = now

    def away(self) -> AbstractContextManager[None]:
        """Have nobody answer, as where a server is gone, until `back`, or the end of a `with` block.

        Clients forget what they keep first: a real server's clients would go on with that for a second, its
        max_staleness. The fake's own methods work.
        """
        with self._changed(is_reset=True):
            self._state.is_away = True
        return self._until_back()

    def back(self) -> None:
        """End `away`."""
        with self._changed():
            self._state.is_away = False

    @property
    def calls(self) -> Sequence[Call]:
        """Those that have come so far, in their order, but for streams of revocations.

        They are the calls of clients, which have asked again what was not answered, and none of the fake's
        own methods.
        """
        with self._state.lock:
            return tuple(self._state.calls)

    @contextmanager
    def _until_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.back()

    def _revoke(self, target: Mapping[str, Any]) -> None:
        with self._changed():
            revoke(self._state, RevokeSessionRequest(**target))

    @contextmanager
    def _changed(self, *, is_reset: bool = False) -> Iterator[None]:
        """Change something, and go on when every client knows."""
        with self._state.lock:
            yield
            if is_reset:
                self._state.log.reset()
            has_foreign = self._service.foreign_watchers > 0
        for client in tuple(self._clients):
            client._forget()
        if has_foreign:
            time.sleep(MAX_STALENESS.total_seconds())

    def _with_defaults(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """By its key the stream of a client is known to be no foreign one."""
        given = {"timeout": _PATIENCE_SECONDS, "key": self._own_key, **options}
        if isinstance(given["key"], str):
            self._keys.add(given["key"])
        return given
