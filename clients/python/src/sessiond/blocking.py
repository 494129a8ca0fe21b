"""The blocking client, for threads: the same methods as on asyncio."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Timer
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from sessiond import access, requests, results
from sessiond.access import Key, Metadata, Tls
from sessiond.blocking_validator import BlockingValidator
from sessiond.cache import DEFAULT_CACHE, Cache
from sessiond.channels import Channels, Stub
from sessiond.client import DEFAULT_PROVIDER_TIMEOUT, DEFAULT_TIMEOUT
from sessiond.consistency import Consistency
from sessiond.errors import time_over, to_error
from sessiond.observer import Numbers, Observer
from sessiond.per_process import PerProcess
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


@dataclass(frozen=True, slots=True)
class _Connection:
    channels: Channels[Any]
    stub: Stub
    validator: BlockingValidator
    retiring: set[Timer]


def _retire(retiring: set[Timer], seconds: float, channel: Any) -> None:
    """Let the calls of a channel come to their end, for which they have so many seconds."""

    def close() -> None:
        retiring.discard(timer)
        channel.close()

    timer = Timer(seconds, close)
    timer.daemon = True
    retiring.add(timer)
    timer.start()


class Client:
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

    Threads may share it. After a fork the child begins anew, with a connection of its own and nothing kept;
    whether gRPC itself works there is gRPC's matter: better make the client after the fork.
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

        def open_channel() -> Any:
            if tls:
                return grpc.secure_channel(target, tls.credentials(), options=options)
            return grpc.insecure_channel(target, options=options)

        def connect() -> _Connection:
            retiring: set[Timer] = set()
            retire = partial(_retire, retiring, provider_timeout)
            channels = Channels(open_channel, tls.files if tls else (), retire)
            stub = Stub(channels)
            validator = BlockingValidator(
                stub,
                self._call,
                key,
                cache=cache,
                batching=batching,
                observer=observer,
                timeout=timeout,
            )
            return _Connection(channels, stub, validator, retiring)

        self._connection = PerProcess(connect)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the channel; a call that is under way in another thread is CANCELLED."""
        self._is_closed = True
        connection = self._connection.get()
        connection.validator.close()
        connection.channels.last().close()
        for timer in list(connection.retiring):
            timer.cancel()
            timer.function()

    def ready(self, timeout: float) -> None:
        """Wait until there is a connection, for so many seconds; raises an `UnavailableError` where none is.

        No call needs this. It is for a service that is to start only where its sessiond can be reached.
        """
        waiting = grpc.channel_ready_future(self._connection.get().channels.get())
        try:
            waiting.result(timeout)
        except grpc.FutureTimeoutError:
            raise time_over() from None
        finally:
            waiting.cancel()

    @property
    def numbers(self) -> Numbers:
        """How validations were answered so far, and what is kept."""
        return self._connection.get().validator.numbers

    def validate(
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
        validator = self._connection.get().validator
        if consistency is not None or (requirements and requests.is_proven(requirements)):
            return validator.past(requests.validate(token, requirements, consistency, policy), timeout)
        demand = requests.policy_of(policy, requirements) if requirements else policy or NOTHING
        return validator.find(token, demand) or validator.validate(token, demand, timeout)

    def validate_all(
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
        response = self._call(self._stub.ValidateTokens, request, timeout)
        return results.to_verdicts(response, len(tokens))

    def create_local_session(
        self, subject: str, *, timeout: float | None = None, **login: Unpack[LocalLogin]
    ) -> Tokens:
        """Open a session at the local issuer for a subject that the caller vouches for."""
        return results.to_tokens(
            self._call(
                self._stub.CreateSession, requests.create_local(subject, login), timeout, repeats=NEVER
            )
        )

    def create_session(
        self, issuer: str, tokens: ProviderTokens, *, timeout: float | None = None, **login: Unpack[Login]
    ) -> Tokens:
        """Open a session for a login at a provider, whose tokens the caller has."""
        return self._create(requests.create_from_tokens(issuer, tokens, login), timeout)

    def create_session_from_code(
        self, issuer: str, code: AuthorizationCode, *, timeout: float | None = None, **login: Unpack[Login]
    ) -> Tokens:
        """Open a session for a login at a provider, whose authorization code the caller has."""
        return self._create(requests.create_from_code(issuer, code, login), timeout)

    def refresh(
        self, refresh_token: str, *, timeout: float | None = None, **bearer: Unpack[Bearer]
    ) -> Tokens:
        """Spend a refresh token; after an `UnavailableError` the same call may be repeated.

        It has been repeated by then, as long as the same token gets the same successor.
        """
        return self._refresh(requests.refresh(refresh_token, bearer), bearer, timeout)

    def adopt(
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
        return self._refresh(requests.adopt(issuer, refresh_token, bearer), bearer, timeout)

    def revoke_session(
        self, session_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End one session by its id."""
        return self._revoke(requests.revoke(cause, note, session_id=session_id))

    def revoke_refresh_token(
        self, refresh_token: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End the session of a refresh token of any generation."""
        return self._revoke(requests.revoke(cause, note, refresh_token=refresh_token))

    def revoke_access_token(
        self, access_token: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End the session of an access token, expired or not."""
        return self._revoke(requests.revoke(cause, note, access_token=access_token))

    def revoke_subject(
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
        return self._revoke(requests.revoke(cause, note, subject=target, except_session_id=except_session_id))

    def revoke_provider_session(
        self, issuer: str, session_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End a provider's session: its tokens, and the sessions that live by it."""
        return self._revoke(
            requests.revoke(cause, note, provider_session={"issuer": issuer, "session_id": session_id})
        )

    def revoke_tenant(
        self, issuer: str, tenant_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End every session of a tenant."""
        return self._revoke(requests.revoke(cause, note, tenant={"issuer": issuer, "tenant_id": tenant_id}))

    def revoke_client(
        self, issuer: str, client_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """End every session of an application."""
        return self._revoke(requests.revoke(cause, note, client={"issuer": issuer, "client_id": client_id}))

    def revoke_issuer(self, issuer: str, *, cause: Cause = Cause.LOGOUT, note: str = "") -> RevocationResult:
        """End every session at an issuer."""
        return self._revoke(requests.revoke(cause, note, issuer=issuer))

    def revoke_key(
        self, issuer: str, key_id: str, *, cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> RevocationResult:
        """Revoke every token that a key signed or will sign, for good; sessions go on."""
        return self._revoke(requests.revoke(cause, note, key={"issuer": issuer, "key_id": key_id}))

    def get_session(self, session_id: str, *, timeout: float | None = None) -> SessionRecord:
        """A live session; raises `NotFoundError` for what is unknown or ended."""
        request = GetSessionRequest(session_id=session_id)
        return results.to_record((self._call(self._stub.GetSession, request, timeout)).session)

    def list_sessions(self, issuer: str, subject: str, *, page_size: int = 0) -> Iterator[SessionRecord]:
        """The live sessions of a subject, newest first, page after page."""
        request = requests.list_sessions(issuer, subject, page_size)
        while True:
            response = self._call(self._stub.ListSessions, request)
            for record in response.sessions:
                yield results.to_record(record)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    def revocation_status(self, *, timeout: float | None = None) -> RevocationStatus:
        """How far the server that answers has read the revocations."""
        return to_status(self._call(self._stub.GetRevocationStatus, GetRevocationStatusRequest(), timeout))

    def watch_revocations(self, from_revision: str = "") -> Iterator[WatchEvent]:
        """What a server tells of revocations, from a revision on (now, if empty), until the stream ends.

        It ends by itself within five minutes. Nothing that this client keeps depends on it: that is followed
        anyway.
        """
        request = WatchRevocationsRequest(from_revision=from_revision)
        call = self._stub.WatchRevocations(request, metadata=access.metadata(self._key))
        try:
            for message in call:
                if event := to_event(message):
                    yield event
        except grpc.RpcError as error:
            raised = to_error(error, is_ours=self._is_closed)
        else:
            return
        finally:
            call.cancel()
        raise raised

    def _forget(self) -> None:
        """Repeat nothing from before: the fake of `sessiond.testing` has changed what tokens are worth."""
        self._connection.get().validator.forget()

    def _revoke(self, request: RevokeSessionRequest) -> RevocationResult:
        response = self._call(self._stub.RevokeSession, request)
        self._connection.get().validator.end(request, response)
        return results.to_revocation_result(response)

    def _create(self, request: CreateSessionRequest, timeout: float | None) -> Tokens:
        answer = self._call(self._stub.CreateSession, request, self._patience(timeout), repeats=NEVER)
        return results.to_tokens(answer)

    def _refresh(self, request: RefreshSessionRequest, bearer: Bearer, timeout: float | None) -> Tokens:
        repeats = repeats_of_refresh(bearer)
        answer = self._call(self._stub.RefreshSession, request, self._patience(timeout), repeats=repeats)
        return results.to_tokens(answer)

    def _patience(self, timeout: float | None) -> float:
        """For calls that may have to wait for a provider."""
        return self._provider_timeout if timeout is None else timeout

    @property
    def _stub(self) -> Any:
        return self._connection.get().stub

    def _call(
        self,
        method: Callable[..., Any],
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
                    return method(request, timeout=attempts.remaining(), metadata=shown)
                except grpc.RpcError as error:
                    raised = to_error(error, is_ours=self._is_closed)
                # The error is raised out here: the library's own shows its request, and so the token, in
                # some debuggers.
                if (pause := attempts.pause(raised)) is None:
                    raise raised
                time.sleep(pause)
                if self._is_closed:
                    raise raised
