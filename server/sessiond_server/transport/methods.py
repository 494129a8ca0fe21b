"""The methods of `sessiond.v1.SessionService`, one row for each: its request, its rule and its handler."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar, assert_never

from google.protobuf.message import Message

from sessiond.v1 import session_service_pb2 as messages
from sessiond_server.domain.caller import Group
from sessiond_server.domain.failures import (
    Failure,
    OverloadedError,
    RateLimitedError,
    WatchersExhaustedError,
)
from sessiond_server.domain.session import Device, Login
from sessiond_server.domain.token import hide_tokens
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.providers.logins import GivenCode, GivenTokens
from sessiond_server.service.revocation.watch import RevocationWatch
from sessiond_server.service.sessions.adopt import SessionAdoption
from sessiond_server.service.sessions.create import SessionCreation
from sessiond_server.service.sessions.lookup import SessionLookup
from sessiond_server.service.sessions.refresh import SessionRefresh
from sessiond_server.service.sessions.revoke import SessionRevocation
from sessiond_server.service.storage.adoptions import ProviderRefreshToken
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.validation.traced_validation import TokenValidation
from sessiond_server.service.validation.validate import Undecided, ValidationResult
from sessiond_server.transport.admission.metering import Metering
from sessiond_server.transport.admission.permissions import Rule
from sessiond_server.transport.codec import create, lookup, refresh, revoke, status, verdicts, watch
from sessiond_server.transport.engine.port import Call
from sessiond_server.transport.failures import to_status

SERVICE: Final = "sessiond.v1.SessionService"

ACCEPTED: Final = "ACCEPTED"
UNDECIDED: Final = "UNDECIDED"
# The methods that answer with verdicts, which are counted.
WITH_VERDICTS: Final = ("ValidateToken", "ValidateTokens")

RequestT = TypeVar("RequestT", bound=Message)


@dataclass(frozen=True, slots=True)
class UnaryMethod(Generic[RequestT]):
    """A method that answers once.

    `max_in_flight` of its calls are handled at a time, of each caller `max_of_a_caller`, by default half of
    that; one more fails by `one_too_many`. Those of a method that `changes_sessions` are refused where they
    may have waited in a socket while this server stood still; what others read is right whenever it is read.
    `count_outcome` is told how each of its calls ended, where that is counted by itself. `meter` counts
    them where that is limited, and raises a named failure for one that is too many.
    """

    name: str
    request: type[RequestT]
    rule: Rule
    handle: Callable[[RequestT, Call], Awaitable[bytes]]
    max_in_flight: int
    changes_sessions: bool
    max_of_a_caller: int | None = None
    one_too_many: Callable[[], Failure] = OverloadedError
    count_outcome: Callable[[str], None] | None = None
    meter: Callable[[RequestT, Call], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class StreamMethod(Generic[RequestT]):
    """A method that answers with a stream; for the rest see `UnaryMethod`."""

    name: str
    request: type[RequestT]
    rule: Rule
    handle: Callable[[RequestT, Call], AsyncGenerator[bytes, None]]
    max_in_flight: int
    changes_sessions: bool
    max_of_a_caller: int | None = None
    one_too_many: Callable[[], Failure] = OverloadedError
    count_outcome: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What one server says of itself in its answers.

    `configuration` is the fingerprint of the settings that verdicts depend on, `server` its name in logs.
    """

    configuration: str
    server: str


@dataclass(frozen=True, slots=True)
class WatcherBounds:
    """How many watchers there may be, in all and of a caller."""

    in_all: int
    of_a_caller: int


AnyMethod: TypeAlias = UnaryMethod[Any] | StreamMethod[Any]


@dataclass(frozen=True, slots=True)
class Sessions:
    """The services that act on sessions."""

    creation: SessionCreation
    adoption: SessionAdoption
    refreshing: SessionRefresh
    revocation: SessionRevocation
    lookups: SessionLookup


class SessionService:
    """Handles requests that were parsed and permitted; the pipeline turns named failures into statuses."""

    def __init__(
        self,
        validation: TokenValidation,
        sessions: Sessions,
        watching: RevocationWatch,
        *,
        metering: Metering,
        identity: Identity,
        telemetry: Telemetry,
    ) -> None:
        self._validation = validation
        self._sessions = sessions
        self._watching = watching
        self._metering = metering
        self._configuration = identity.configuration
        self._server = identity.server
        self._encoder = watch.WatchEncoder(configuration=identity.configuration, server=identity.server)
        self._telemetry = telemetry

    def methods(self, *, watchers: WatcherBounds) -> tuple[AnyMethod, ...]:
        """All methods; what is not here is not served."""
        return (
            UnaryMethod(
                "ValidateToken",
                messages.ValidateTokenRequest,
                Rule.of(Group.VALIDATE),
                self.validate_token,
                max_in_flight=2000,
                changes_sessions=False,
            ),
            UnaryMethod(
                "ValidateTokens",
                messages.ValidateTokensRequest,
                Rule.of(Group.VALIDATE),
                self.validate_tokens,
                max_in_flight=16,
                changes_sessions=False,
            ),
            UnaryMethod(
                "CreateSession",
                messages.CreateSessionRequest,
                Rule(
                    {
                        "provider_tokens": Group.SESSION,
                        "authorization_code": Group.SESSION,
                        "local_login": Group.MINT,
                    },
                    lambda request: request.WhichOneof("source"),
                ),
                self.create_session,
                max_in_flight=256,
                changes_sessions=True,
                meter=self._metering.created,
            ),
            UnaryMethod(
                "RefreshSession",
                messages.RefreshSessionRequest,
                Rule(
                    {"refresh_token": Group.SESSION, "issuer": Group.ADOPT},
                    lambda request: "issuer" if request.issuer else "refresh_token",
                ),
                self.refresh_session,
                max_in_flight=512,
                changes_sessions=True,
                count_outcome=self._telemetry.token_refreshed,
                meter=self._metering.refreshed,
            ),
            UnaryMethod(
                "RevokeSession",
                messages.RevokeSessionRequest,
                Rule(
                    {
                        "session_id": Group.SESSION,
                        "refresh_token": Group.SESSION,
                        "access_token": Group.SESSION,
                        "provider_session": Group.REVOKE,
                        "subject": Group.REVOKE,
                        "tenant": Group.REVOKE_BULK,
                        "client": Group.REVOKE_BULK,
                        "issuer": Group.REVOKE_BULK,
                        "key": Group.REVOKE_BULK,
                    },
                    lambda request: request.WhichOneof("target"),
                ),
                self.revoke_session,
                max_in_flight=512,
                changes_sessions=True,
                meter=self._metering.revoked,
            ),
            UnaryMethod(
                "GetSession",
                messages.GetSessionRequest,
                Rule.of(Group.READ),
                self.get_session,
                max_in_flight=256,
                changes_sessions=False,
            ),
            UnaryMethod(
                "ListSessions",
                messages.ListSessionsRequest,
                Rule.of(Group.READ),
                self.list_sessions,
                max_in_flight=128,
                changes_sessions=False,
            ),
            UnaryMethod(
                "GetRevocationStatus",
                messages.GetRevocationStatusRequest,
                Rule.of(Group.READ),
                self.get_revocation_status,
                max_in_flight=16,
                changes_sessions=False,
            ),
            StreamMethod(
                "WatchRevocations",
                messages.WatchRevocationsRequest,
                Rule.of(Group.WATCH),
                self.watch_revocations,
                max_in_flight=watchers.in_all,
                max_of_a_caller=watchers.of_a_caller,
                one_too_many=WatchersExhaustedError,
                changes_sessions=False,
                count_outcome=self._telemetry.watch_ended,
            ),
        )

    async def validate_token(self, request: messages.ValidateTokenRequest, call: Call) -> bytes:
        """The verdict on one token."""
        token, requirements, proof = verdicts.decode_validate(request, permitted=call.caller.issuers)
        consistency = verdicts.consistency_of(request)
        call.input_names = verdicts.NAMES
        result = await self._validation.validate(
            token,
            requirements,
            proof=proof,
            consistency=consistency,
            caller_known_until=call.caller.known_until,
        )
        self._note_verdicts([result], call)
        return verdicts.encode_result(result, configuration=self._configuration)

    async def validate_tokens(self, request: messages.ValidateTokensRequest, call: Call) -> bytes:
        """The verdicts on many tokens."""
        tokens, requirements = verdicts.decode_validate_all(request, permitted=call.caller.issuers)
        consistency = verdicts.consistency_of(request)
        call.input_names = verdicts.NAMES
        results = await self._validation.validate_all(
            tokens, requirements, consistency=consistency, caller_known_until=call.caller.known_until
        )
        try:
            self._note_verdicts(results, call)
        except RateLimitedError as failure:
            results = _without_rejections(results, failure)
        return verdicts.encode_results(results, to_status, configuration=self._configuration)

    async def create_session(self, request: messages.CreateSessionRequest, call: Call) -> bytes:
        """A new session."""
        source, context = create.decode(request)
        origin = _origin_of(call, context.device)
        call.input_names = create.names_in(request)
        match source:
            case Login():
                issued = await self._sessions.creation.from_local_login(
                    source, context, caller=call.caller, origin=origin
                )
            case GivenTokens():
                issued = await self._sessions.creation.from_tokens(
                    source, context, caller=call.caller, origin=origin
                )
            case GivenCode():
                issued = await self._sessions.creation.from_code(
                    source, context, caller=call.caller, origin=origin
                )
            case _ as never:
                assert_never(never)
        return create.encode(issued)

    async def refresh_session(self, request: messages.RefreshSessionRequest, call: Call) -> bytes:
        """The next tokens of a session."""
        presented, context = refresh.decode(request)
        call.input_names = refresh.NAMES
        origin = _origin_of(call, context.device)
        patience_seconds = call.time_remaining()
        if isinstance(presented, ProviderRefreshToken):
            issued = await self._sessions.adoption.adopt(
                presented, context, caller=call.caller, origin=origin, patience_seconds=patience_seconds
            )
            done = "ADOPTED"
        else:
            issued = await self._sessions.refreshing.refresh(
                presented, context, caller=call.caller, origin=origin, patience_seconds=patience_seconds
            )
            done = "ROTATED"
        call.outcome = "REPLAYED" if issued.replayed else done
        return refresh.encode(issued)

    async def revoke_session(self, request: messages.RevokeSessionRequest, call: Call) -> bytes:
        """End sessions; the cause and the caller's remark are recorded in the log line of the call."""
        target, cause, note = revoke.decode(request)
        call.log_fields["cause"] = cause.name
        if note:
            call.log_fields["note"] = hide_tokens(note)
        call.input_names = revoke.names_in(request)
        origin = _origin_of(call, note=note)
        ended = await self._sessions.revocation.revoke(target, cause=cause, caller=call.caller, origin=origin)
        return revoke.encode(ended)

    async def get_session(self, request: messages.GetSessionRequest, call: Call) -> bytes:
        """One session."""
        session = lookup.decode_get(request)
        return lookup.encode_got(await self._sessions.lookups.get(session, caller=call.caller))

    async def list_sessions(self, request: messages.ListSessionsRequest, call: Call) -> bytes:
        """The sessions of a subject."""
        query = lookup.decode_list(request)
        call.input_names = lookup.NAMES
        page = await self._sessions.lookups.list(
            query.issuer, query.subject, limit=query.limit, after=query.after, caller=call.caller
        )
        return lookup.encode_list(page)

    async def get_revocation_status(
        self, _request: messages.GetRevocationStatusRequest, _call: Call
    ) -> bytes:
        """How far this server has read the revocations."""
        watchers = self._watching.watchers
        return status.encode(self._watching.status(), server=self._server, watchers=watchers)

    async def watch_revocations(
        self, request: messages.WatchRevocationsRequest, call: Call
    ) -> AsyncGenerator[bytes, None]:
        """Every revocation from a revision on, with heartbeats."""
        after, known_until = watch.decode(request), call.caller.known_until
        async with aclosing(self._watching.watch(after, caller_known_until=known_until)) as events:
            async for event in events:
                yield self._encoder.encode(event)
                self._telemetry.watch_event_sent(type(event).__name__)

    def _note_verdicts(self, results: Iterable[ValidationResult | Undecided], call: Call) -> None:
        counts = _counted(results)
        call.log_fields["verdicts"] = counts
        for verdict, count in counts.items():
            self._telemetry.verdicts_given(call.method, verdict, count)
        failed = sum(counts.values()) - counts.get(ACCEPTED, 0) - counts.get(UNDECIDED, 0)
        self._metering.require_validations(failed, call)


def _origin_of(call: Call, device: Device | None = None, *, note: str = "") -> Origin:
    client_ip = device.ip_address if device else ""
    return Origin(call.caller.name, call.method, call.read_request_id(), client_ip, note)


def _without_rejections(
    results: Iterable[ValidationResult | Undecided], failure: RateLimitedError
) -> list[ValidationResult | Undecided]:
    """What may be said where rejections are too many: a stranger's tokens are in nobody else's way.

    Raises:
        RateLimitedError: there is nothing but rejections.
    """
    left = [Undecided(failure) if _is_rejected(result) else result for result in results]
    if all(isinstance(one, Undecided) and one.failure is failure for one in left):
        raise failure
    return left


def _is_rejected(result: ValidationResult | Undecided) -> bool:
    return not isinstance(result, Undecided) and isinstance(result.verdict, Rejected)


def _counted(results: Iterable[ValidationResult | Undecided]) -> Mapping[str, int]:
    """How many answers were ACCEPTED, UNDECIDED, or rejected for which reason."""
    counts: dict[str, int] = {}
    for result in results:
        name = _name_of(result)
        counts[name] = counts.get(name, 0) + 1
    return counts


def _name_of(result: ValidationResult | Undecided) -> str:
    if isinstance(result, Undecided):
        return UNDECIDED
    return result.verdict.reason.name if isinstance(result.verdict, Rejected) else ACCEPTED
