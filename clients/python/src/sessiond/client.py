"""The client on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self, Unpack

import grpc

from sessiond import access, requests, results
from sessiond.access import Key, Metadata, Tls
from sessiond.cache import DEFAULT_CACHE, Cache
from sessiond.channels import Channels, Stub
from sessiond.consistency import Consistency
from sessiond.errors import require_readable, time_over, to_error
from sessiond.observer import Numbers, Observer
from sessiond.policy import NOTHING, Policy, Requirements
from sessiond.repeats import IDEMPOTENT, NEVER, Attempts, Repeats, repeats_of_refresh
from sessiond.reports import reported
from sessiond.requests import (
    AuthorizationCode,
    Bearer,
    LocalLogin,
    Login,
    ProvenRequirements,
    ProviderTokens,
)
from sessiond.results import Cause, RevocationResult, SessionRecord, Tokens, Undecided, Verdict
from sessiond.revocations import RevocationStatus, WatchEvent, to_event, to_status
from sessiond.v1.session_service_pb2 import (
    CreateSessionRequest,
    GetRevocationStatusRequest,
    GetSessionRequest,
    RefreshSessionRequest,
    RevokeSessionRequest,
    WatchRevocationsRequest,
)
from sessiond.validator import AsyncValidator

DEFAULT_TIMEOUT: Final = 1.0
# An exchange at a provider is given up there after 10 s.
DEFAULT_PROVIDER_TIMEOUT: Final = 12.0


class AsyncClient:
    """Asks a sessiond at `target`: `host:port`, or `unix:PATH`.

    `key` is the text of the caller's key file, or what gives it. Without `tls` the connection is not
    encrypted: then a key is taken only for a Unix socket or loopback, and for any other target a ValueError
    unless `allow_plaintext` says that something else keeps the network secret.

    Every call ends within its `timeout` in seconds (`provider_timeout`, where a provider may have to be
    asked), and raises a `SessiondError` where it is refused or fails. Use it as a context manager, or close
    it with `close`.

    Acceptances are kept as `cache` says (None: not at all) and repeated only as long as no revocation can
    have been missed. Validations that come while two calls are under way go together in the next one, unless
    `batching` is off. `observer` is told how each was answered.
    """

    def __init__(
        self,
        target: str,
        *,
        key: Key | None = None,
        tls: Tls | None = None,
        allow_plaintext: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        provider_timeout: float = DEFAULT_PROVIDER_TIMEOUT,
        cache: Cache | None = DEFAULT_CACHE,
        batching: bool = True,
        observer: Observer | None = None,
    ) -> None:
        access.require_secrecy(target, key, tls, allow_plaintext=allow_plaintext)
        self._key = key
        self._observer = observer
        self._timeout = timeout
        self._provider_timeout = provider_timeout
        self._is_closed = False
        options = access.options(target, tls)

        def connect() -> grpc.aio.Channel:
            if tls:
                return grpc.aio.secure_channel(target, tls.credentials(), options=options)
            return grpc.aio.insecure_channel(target, options=options)

        self._channels = Channels(connect, tls.files if tls else (), self._retire)
        self._stub = Stub(self._channels)
        self._retiring: dict[asyncio.Task[None], grpc.aio.Channel] = {}
        self._validator = AsyncValidator(
            self._stub,
            self._call,
            key,
            cache=cache,
            batching=batching,
            observer=observer,
            timeout=timeout,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel; a validation that waits for an answer is CANCELLED."""
        self._is_closed = True
        await self._validator.close()
        last, former = self._channels.last(), dict(self._retiring)
        for task in former:
            task.cancel()
        await asyncio.gather(*former, return_exceptions=True)
        for channel in (last, *former.values()):
            await channel.close()

    async def ready(self, timeout: float) -> None:
        """Wait until there is a connection, for so many seconds; raises an `UnavailableError` where none is.

        No call needs this. It is for a service that is to start only where its sessiond can be reached.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._channels.get().channel_ready()
        except TimeoutError:
            raise time_over() from None

    def _retire(self, channel: grpc.aio.Channel) -> None:
        """Let its calls come to their end, and be repeated until then: one that is closing takes no more."""

        async def close() -> None:
            await asyncio.sleep(self._provider_timeout)
            await channel.close()

        task = asyncio.get_running_loop().create_task(close())
        self._retiring[task] = channel
        task.add_done_callback(self._retiring.pop)

    @property
    def numbers(self) -> Numbers:
        """How validations were answered so far, and what is kept."""
        return self._validator.numbers

    async def validate(
        self,
        token: str,
        policy: Policy | None = None,
        *,
        consistency: Consistency | None = None,
        timeout: float | None = None,
        **requirements: Unpack[ProvenRequirements],
    ) -> Verdict:
        """The verdict on an access token: a `Session` or a `Rejection`, to be told apart by type.

        What is required of it stands in a `policy`, or in keywords. It rests on what the server knows of
        revocations, or on what this client has kept and knows; with a `consistency`, or with a proof, the
        server is asked in any case.
        """
        if consistency is not None or (requirements and requests.is_proven(requirements)):
            request = requests.validate(token, requirements, consistency, policy)
            return await self._validator.past(request, timeout)
        demand = requests.policy_of(policy, requirements) if requirements else policy or NOTHING
        kept = self._validator.find(token, demand)
        return kept or await self._validator.validate(token, demand, timeout)

    async def validate_all(
        self,
        tokens: Sequence[str],
        policy: Policy | None = None,
        *,
        consistency: Consistency | None = None,
        timeout: float | None = None,
        **requirements: Unpack[Requirements],
    ) -> list[Verdict | Undecided]:
        """The verdicts on 1 to 1,000 access tokens, in their order and as of one moment.

        Together the tokens have at most 1 MiB. One whose issuer's keys cannot be had, or have to be fetched
        first, is `Undecided`, alone, and so is one that would be rejected where too many are (RATE_LIMITED);
        where all are, the call is an `UnavailableError`. The server is asked about all of them, whatever this
        client has kept.
        """
        request = requests.validate_all(tokens, requirements, consistency, policy)
        response = await self._call(self._stub.ValidateTokens, request, timeout)
        return results.to_verdicts(response, len(tokens))

    async def create_local_session(
        self, subject: str, *, timeout: float | None = None, **login: Unpack[LocalLogin]
    ) -> Tokens:
        """Open a session at the local issuer for a subject that the caller vouches for."""
        return results.to_tokens(
            await self._call(
                self._stub.CreateSession, requests.create_local(subject, login), timeout, repeats=NEVER
            )
        )

    async def create_session(
        self, issuer: str, tokens: ProviderTokens, *, timeout: float | None = None, **login: Unpack[Login]
    ) -> Tokens:
        """Open a session for a login at a provider, whose tokens the caller has."""
        return await self._create(requests.create_from_tokens(issuer, tokens, login), timeout)

    async def create_session_from_code(
        self, issuer: str, code: AuthorizationCode, *, timeout: float | None = None, **login: Unpack[Login]
    ) -> Tokens:
        """Open a session for a login at a provider, whose authorization code the caller has."""
        return await self._create(requests.create_from_code(issuer, code, login), timeout)

    async def refresh(
        self, refresh_token: str, *, timeout: float | None = None, **bearer: Unpack[Bearer]
    ) -> Tokens:
        """Spend a refresh token; after an `UnavailableError` the same call may be repeated.

        It has been repeated by then, as long as the same token gets the same successor.
        """
        return await self._refresh(requests.refresh(refresh_token, bearer), bearer, timeout)

    async def adopt(
        self, issuer: str, refresh_token: str, *, timeout: float | None = None, **bearer: Unpack[Bearer]
    ) -> Tokens:
        """Open a session for a refresh token that a provider gave to somebody else than sessiond.

        The token is exchanged there, and opens one session, however often it is presented. Whoever lost the
        answer gets the same tokens again from the same device, `replayed`, within the server's grace and
        until they are in use: so this is repeated as a refresh is, and after an `UnavailableError` the same
        call may be repeated.

        Raises:
            RefreshRefusedError: PROVIDER_REFUSED where the provider takes the token no more,
                REFRESH_TOKEN_SUPERSEDED where its session is in use, or another device asks.
            LoginRefusedError: what the provider gave for it does not open a session.
            InvalidArgumentError: the issuer adopts no tokens.
            ValueError: there is no issuer.
        """
        return await self._refresh(requests.adopt(issuer, refresh_token, bearer), bearer, timeout)

    async def revoke_session(
        self, session_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End one session by its id."""
        return await self._revoke(requests.revoke(cause, note, session_id=session_id))

    async def revoke_refresh_token(
        self, refresh_token: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End the session of a refresh token of any generation."""
        return await self._revoke(requests.revoke(cause, note, refresh_token=refresh_token))

    async def revoke_access_token(
        self, access_token: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End the session of an access token, expired or not."""
        return await self._revoke(requests.revoke(cause, note, access_token=access_token))

    async def revoke_subject(
        self,
        issuer: str,
        subject: str,
        *,
        except_session_id: str = "",
        cause: Cause = Cause.LOGOUT,
        note: str = "",
    ) -> RevocationResult:
        """End every session of a subject, except the one that is named, if one is."""
        target = requests.subject(issuer, subject)
        return await self._revoke(
            requests.revoke(cause, note, subject=target, except_session_id=except_session_id)
        )

    async def revoke_provider_session(
        self, issuer: str, session_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End a provider's session: its tokens, and the sessions that live by it."""
        return await self._revoke(
            requests.revoke(cause, note, provider_session={"issuer": issuer, "session_id": session_id})
        )

    async def revoke_tenant(
        self, issuer: str, tenant_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End every session of a tenant."""
        return await self._revoke(
            requests.revoke(cause, note, tenant={"issuer": issuer, "tenant_id": tenant_id})
        )

    async def revoke_client(
        self, issuer: str, client_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End every session of an application."""
        return await self._revoke(
            requests.revoke(cause, note, client={"issuer": issuer, "client_id": client_id})
        )

    async def revoke_issuer(
        self, issuer: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End every session at an issuer."""
        return await self._revoke(requests.revoke(cause, note, issuer=issuer))

    async def revoke_key(
        self, issuer: str, key_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """Revoke every token that a key signed or will sign, for good; sessions go on."""
        return await self._revoke(requests.revoke(cause, note, key={"issuer": issuer, "key_id": key_id}))

    async def get_session(self, session_id: str, *, timeout: float | None = None) -> SessionRecord:
        """A live session; raises `NotFoundError` for what is unknown or ended."""
        request = GetSessionRequest(session_id=session_id)
        return results.to_record((await self._call(self._stub.GetSession, request, timeout)).session)

    async def list_sessions(
        self, issuer: str, subject: str, *, page_size: int = 0
    ) -> AsyncIterator[SessionRecord]:
        """The live sessions of a subject, newest first, page after page."""
        request = requests.list_sessions(issuer, subject, page_size)
        while True:
            response = await self._call(self._stub.ListSessions, request)
            for record in response.sessions:
                yield results.to_record(record)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def revocation_status(self, *, timeout: float | None = None) -> RevocationStatus:
        """How far the server that answers has read the revocations."""
        return to_status(
            await self._call(self._stub.GetRevocationStatus, GetRevocationStatusRequest(), timeout)
        )

    async def watch_revocations(self, from_revision: str = "") -> AsyncIterator[WatchEvent]:
        """What a server tells of revocations, from a revision on (now, if empty), until the stream ends.

        It ends by itself within five minutes. Nothing that this client keeps depends on it: that is followed
        anyway.
        """
        request = WatchRevocationsRequest(from_revision=from_revision)
        call = self._stub.WatchRevocations(request, metadata=access.metadata(self._key))
        try:
            async for message in call:
                if event := to_event(message):
                    yield event
        except grpc.aio.AioRpcError as error:
            raised = to_error(error)
        else:
            return
        finally:
            call.cancel()
        raise raised

    def _forget(self) -> None:
        """Repeat nothing from before: the fake of `sessiond.testing` has changed what tokens are worth."""
        self._validator.forget()

    async def _revoke(self, request: RevokeSessionRequest) -> RevocationResult:
        response = await self._call(self._stub.RevokeSession, request)
        self._validator.end(request, response)
        return results.to_revocation_result(response)

    async def _create(self, request: CreateSessionRequest, timeout: float | None) -> Tokens:
        call = self._call(self._stub.CreateSession, request, self._patience(timeout), repeats=NEVER)
        return results.to_tokens(await call)

    async def _refresh(self, request: RefreshSessionRequest, bearer: Bearer, timeout: float | None) -> Tokens:
        repeats = repeats_of_refresh(bearer)
        call = self._call(self._stub.RefreshSession, request, self._patience(timeout), repeats=repeats)
        return results.to_tokens(await call)

    def _patience(self, timeout: float | None) -> float:
        """For calls that may have to wait for a provider."""
        return self._provider_timeout if timeout is None else timeout

    async def _call(
        self,
        method: Callable[..., Awaitable[Any]],
        request: Any,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        *,
        repeats: Repeats = IDEMPOTENT,
    ) -> Any:
        shown = access.metadata(self._key) if metadata is None else metadata
        attempts = Attempts(repeats, self._timeout if timeout is None else timeout)
        with reported(self._observer, request, attempts):
            while True:
                try:
                    return require_readable(
                        await method(request, timeout=attempts.remaining(), metadata=shown)
                    )
                except grpc.aio.AioRpcError as error:
                    raised = to_error(error)
                # The error is raised out here: the library's own shows its request, and so the token, in
                # some debuggers.
                if (pause := attempts.pause(raised)) is None:
                    raise raised
                await asyncio.sleep(pause)
                if self._is_closed:
                    raise raised
