"""The methods of the service, and the stream of revocations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.message import Message

from sessiond.testing.calls import to_call
from sessiond.testing.claims import SESSION_ID
from sessiond.testing.events import fresh, from_revision, started
from sessiond.testing.families import Bearer
from sessiond.testing.names import CONFIGURATION, MAX_STALENESS
from sessiond.testing.refusals import (
    RefusedError,
    field_invalid,
    nobody_there,
    not_a_session_id,
    session_not_found,
    unsupported,
)
from sessiond.testing.revoking import revoke
from sessiond.testing.state import State
from sessiond.v1 import session_service_pb2
from sessiond.v1.session_pb2 import Consistency, PossessionProof
from sessiond.v1.session_service_pb2 import (
    CreateSessionRequest,
    CreateSessionResponse,
    GetRevocationStatusResponse,
    GetSessionRequest,
    GetSessionResponse,
    ListSessionsRequest,
    ListSessionsResponse,
    RefreshSessionRequest,
    RefreshSessionResponse,
    ValidateTokenRequest,
    ValidateTokenResponse,
    ValidateTokensRequest,
    ValidateTokensResponse,
    WatchRevocationsRequest,
    WatchRevocationsResponse,
)

_MOST_IN_A_BATCH: Final = 1_000
_LARGEST_PAGE: Final = 100
_HEARTBEAT_SECONDS: Final = 0.1


class Service:
    """Carries calls out, one at a time.

    `own_key` is that of clients that have been given none, `keys` are those of all that the fake has made.
    """

    def __init__(self, state: State, own_key: str, keys: AbstractSet[str]) -> None:
        self._state: Final = state
        self._own_key: Final = own_key
        self._keys: Final = keys
        self.watchers = 0
        self.foreign_watchers = 0

    def called(self, carry_out: Callable[[Any, str], Message]) -> Callable[[Any, Any], Message]:
        """A handler of grpcio for a method with one answer."""

        def handle(request: Any, context: Any) -> Message:
            key = _key_of(context)
            try:
                with self._state.lock:
                    self._state.calls.append(to_call(request, "" if key == self._own_key else key))
                    if self._state.is_away:
                        raise nobody_there()
                    return carry_out(request, key)
            except RefusedError as error:
                refused = error
            _refuse(context, refused)

        return handle

    def validate_token(self, request: ValidateTokenRequest, _: str) -> ValidateTokenResponse:
        """The verdict on a token."""
        self._check(request.consistency)
        return self._state.verdict(request.token, request.requirements, request.proof)

    def validate_tokens(self, request: ValidateTokensRequest, _: str) -> ValidateTokensResponse:
        """The verdict on each token."""
        if not 1 <= len(request.tokens) <= _MOST_IN_A_BATCH:
            raise field_invalid("tokens", "another number of tokens", "1 to 1000 tokens")
        self._check(request.consistency)
        unproven = PossessionProof()
        return ValidateTokensResponse(
            results=[self._state.verdict(one, request.requirements, unproven) for one in request.tokens]
        )

    def _check(self, wanted: Consistency) -> None:
        """Refuse what is no revision: whatever has happened is known here."""
        revision = wanted.at_least_as_fresh.revision
        if not wanted.HasField("at_least_as_fresh"):
            return
        if from_revision(revision, len(self._state.log.events)) is None:
            name = "consistency.at_least_as_fresh.revision"
            raise field_invalid(name, "what is no revision", "a revision that sessiond returned")

    def create_session(self, request: CreateSessionRequest, _: str) -> CreateSessionResponse:
        """Open a session for a login that the caller vouches for."""
        for name in ("provider_tokens", "authorization_code"):
            if request.HasField(name):
                raise unsupported(name)
        if request.proof.HasField("dpop"):
            raise unsupported("proof.dpop")
        return CreateSessionResponse(tokens=self._state.issue(self._state.open(request)))

    def refresh_session(self, request: RefreshSessionRequest, key: str) -> RefreshSessionResponse:
        """Spend a refresh token."""
        if request.issuer:
            raise unsupported("issuer")
        by = Bearer(key, request.device.label, request.device.user_agent)
        family, is_replayed = self._state.spend(request, by)
        return RefreshSessionResponse(tokens=self._state.issue(family), replayed=is_replayed)

    def revoke_session(self, request: Any, _: str) -> Message:
        """End sessions."""
        return revoke(self._state, request)

    def get_session(self, request: GetSessionRequest, _: str) -> GetSessionResponse:
        """What is known of a live session."""
        if not SESSION_ID.fullmatch(request.session_id):
            raise not_a_session_id("session_id")
        family = self._state.families.get(request.session_id)
        if family is None or not self._state.is_live(family):
            raise session_not_found()
        return GetSessionResponse(session=family.record())

    def list_sessions(self, request: ListSessionsRequest, _: str) -> ListSessionsResponse:
        """The live sessions of a subject, newest first."""
        own = [one for one in self._state.families.values() if one.login.subject == request.subject.subject]
        live = sorted(filter(self._state.is_live, own), key=lambda one: -one.start)
        size = request.page_size if 0 < request.page_size <= _LARGEST_PAGE else _LARGEST_PAGE
        ids = [one.id for one in live]
        first = ids.index(request.page_token) + 1 if request.page_token in ids else 0
        page = live[first : first + size]
        return ListSessionsResponse(
            sessions=[one.record() for one in page],
            next_page_token=page[-1].id if first + size < len(live) else "",
        )

    def get_revocation_status(self, _: Any, __: str) -> GetRevocationStatusResponse:
        """Say that everything is known."""
        read = len(self._state.log.events)
        response = GetRevocationStatusResponse(
            server=CONFIGURATION,
            revision=self._state.log.revision,
            revocations=read,
            watchers=self.watchers,
            partitions=[{"incarnation": bytes(16), "read": read, "age": {}}],
        )
        response.max_staleness.FromTimedelta(MAX_STALENESS)
        return response

    def watch(self, request: WatchRevocationsRequest, context: Any) -> Iterator[WatchRevocationsResponse]:
        """Tell what is revoked from a revision on, and how fresh that is."""
        began, log = time.monotonic(), self._state.log
        with self._state.lock:
            if self._state.is_away:
                _refuse(context, nobody_there())
            place = len(log.events)
            if request.from_revision:
                found = from_revision(request.from_revision, place)
                if found is None:
                    allowed = "a revision that sessiond returned"
                    _refuse(context, field_invalid("from_revision", "what is no revision", allowed))
                place = found
            self.watchers += 1
            is_foreign = _key_of(context) not in self._keys
            self.foreign_watchers += is_foreign
        try:
            yield started(place)
            while context.is_active():
                with self._state.lock:
                    # The log is read after the moment for which a heartbeat vouches.
                    since_start, news = time.monotonic() - began, log.events[place:]
                    place += len(news)
                    is_away = self._state.is_away
                yield from (*news, fresh(place, since_start))
                if is_away:
                    _refuse(context, nobody_there())
                with self._state.lock:
                    if place == len(log.events):
                        self._state.lock.wait(_HEARTBEAT_SECONDS)
        finally:
            with self._state.lock:
                self.watchers -= 1
                self.foreign_watchers -= is_foreign


def _key_of(context: Any) -> str:
    for name, value in context.invocation_metadata():
        if name == "authorization":
            return str(value).removeprefix("Bearer ")
    return ""


def _refuse(context: Any, error: RefusedError) -> NoReturn:
    context.set_trailing_metadata(error.trailers)
    context.abort(error.code, error.message)
    raise AssertionError("abort raises")


def _to_bytes(message: Message) -> bytes:
    return message.SerializeToString()


def handlers_of(service: Service) -> Any:
    """The service as grpcio takes it."""
    methods: Mapping[str, Callable[[Any, str], Message]] = {
        "ValidateToken": service.validate_token,
        "ValidateTokens": service.validate_tokens,
        "CreateSession": service.create_session,
        "RefreshSession": service.refresh_session,
        "RevokeSession": service.revoke_session,
        "GetSession": service.get_session,
        "ListSessions": service.list_sessions,
        "GetRevocationStatus": service.get_revocation_status,
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            service.called(carry_out),
            getattr(session_service_pb2, f"{name}Request").FromString,
            _to_bytes,
        )
        for name, carry_out in methods.items()
    }
    watch = grpc.unary_stream_rpc_method_handler(service.watch, WatchRevocationsRequest.FromString, _to_bytes)
    return grpc.method_handlers_generic_handler(
        "sessiond.v1.SessionService", handlers | {"WatchRevocations": watch}
    )
