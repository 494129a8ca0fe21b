"""The methods of `sessiond.v1.SessionService`: decode, call, encode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final, assert_never

from sessiond.v1 import session_service_pb2 as messages
from sessiond_server.domain.failures import FeatureUnsupportedError
from sessiond_server.domain.session import Login
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.endings import Endings
from sessiond_server.service.providers import GivenCode, GivenTokens
from sessiond_server.service.sessions import Sessions
from sessiond_server.service.validation import Answer, Validation
from sessiond_server.transport.calls import Call, Handler, StreamHandler
from sessiond_server.transport.codec import sessions as codec
from sessiond_server.transport.codec.validation import decode_validate, decode_validate_all, encode_answer, encode_answers
from sessiond_server.transport.permissions import parse_permitted

SERVICE: Final = "sessiond.v1.SessionService"


class SessionService:
    """Handlers of raw bytes, one a method; named failures are for the guard."""

    def __init__(self, validation: Validation, sessions: Sessions, endings: Endings) -> None:
        self._validation = validation
        self._sessions = sessions
        self._endings = endings

    def methods(self) -> Mapping[str, Handler]:
        """The unary methods by name."""
        return {
            "ValidateToken": self.validate_token,
            "ValidateTokens": self.validate_tokens,
            "CreateSession": self.create_session,
            "RefreshSession": self.refresh_session,
            "RevokeSession": self.revoke_session,
            "GetSession": self.get_session,
            "ListSessions": self.list_sessions,
        }

    def streams(self) -> Mapping[str, StreamHandler]:
        """The methods that answer with a stream, by name."""
        return {"WatchRevocations": self.watch_revocations}

    async def validate_token(self, raw: bytes, call: Call) -> bytes:
        """The verdict on one token."""
        request = parse_permitted(messages.ValidateTokenRequest, raw, call)
        token, requirements = decode_validate(request, permitted=call.caller.issuers)
        answer = await self._validation.validate(token, requirements)
        call.notes["verdicts"] = _counted([answer])
        return encode_answer(answer)

    async def validate_tokens(self, raw: bytes, call: Call) -> bytes:
        """The verdicts on many tokens."""
        request = parse_permitted(messages.ValidateTokensRequest, raw, call)
        tokens, requirements = decode_validate_all(request, permitted=call.caller.issuers)
        answers = await self._validation.validate_all(tokens, requirements)
        call.notes["verdicts"] = _counted(answers)
        return encode_answers(answers)

    async def create_session(self, raw: bytes, call: Call) -> bytes:
        """A new session."""
        source, device = codec.decode_create(parse_permitted(messages.CreateSessionRequest, raw, call))
        match source:
            case Login():
                opened = await self._sessions.create_local(source, device, caller=call.caller)
            case GivenTokens():
                opened = await self._sessions.create_from_tokens(source, device, caller=call.caller)
            case GivenCode():
                opened = await self._sessions.create_from_code(source, device, caller=call.caller)
            case _ as never:
                assert_never(never)
        return codec.encode_created(opened)

    async def refresh_session(self, raw: bytes, call: Call) -> bytes:
        """The next tokens of a session."""
        presented, device = codec.decode_refresh(parse_permitted(messages.RefreshSessionRequest, raw, call))
        opened = await self._sessions.refresh(presented, device, caller=call.caller, patience_seconds=call.time_remaining())
        call.notes["outcome"] = "REPLAYED" if opened.replayed else "ROTATED"
        return codec.encode_refreshed(opened)

    async def revoke_session(self, raw: bytes, call: Call) -> bytes:
        """Sessions ended; the log line is where the cause and the caller's remark are recorded."""
        target, cause, note = codec.decode_revoke(parse_permitted(messages.RevokeSessionRequest, raw, call))
        call.notes["cause"] = cause.name
        if note:
            call.notes["note"] = note
        return codec.encode_revoked(await self._endings.revoke(target, cause=cause, caller=call.caller))

    async def get_session(self, raw: bytes, call: Call) -> bytes:
        """One session."""
        session = codec.decode_get(parse_permitted(messages.GetSessionRequest, raw, call))
        return codec.encode_got(await self._sessions.get(session, caller=call.caller))

    async def list_sessions(self, raw: bytes, call: Call) -> bytes:
        """The sessions of a subject."""
        query = codec.decode_list(parse_permitted(messages.ListSessionsRequest, raw, call))
        page = await self._sessions.list(query.issuer, query.subject, limit=query.limit, after=query.after, caller=call.caller)
        return codec.encode_list(page)

    async def watch_revocations(self, _request: bytes, _call: Call) -> AsyncIterator[bytes]:
        """Not carried out yet."""
        raise FeatureUnsupportedError("WatchRevocations")
        yield b""


def _counted(answers: Iterable[Answer]) -> Mapping[str, int]:
    """How many answers were ACCEPTED, or rejected for which reason."""
    counts: dict[str, int] = {}
    for answer in answers:
        name = answer.verdict.reason.name if isinstance(answer.verdict, Rejected) else "ACCEPTED"
        counts[name] = counts.get(name, 0) + 1
    return counts
