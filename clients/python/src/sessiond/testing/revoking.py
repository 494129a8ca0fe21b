"""What a revocation ends."""

from __future__ import annotations

from typing import Any

from sessiond.testing.claims import SESSION_ID
from sessiond.testing.judging import verify
from sessiond.testing.names import ISSUER
from sessiond.testing.refusals import field_invalid, not_a_session_id
from sessiond.testing.rejections import RejectedError
from sessiond.testing.state import State
from sessiond.v1.session_pb2 import Revocation
from sessiond.v1.session_service_pb2 import RevokeSessionRequest, RevokeSessionResponse

# What many sessions share, with the field that names it, and whether it is revoked for good.
_SHARED = {
    "provider_session": ("session_id", True),
    "tenant": ("tenant_id", False),
    "client": ("client_id", False),
    "key": ("key_id", True),
}


def revoke(state: State, request: RevokeSessionRequest) -> RevokeSessionResponse:
    """Carry out what is asked for.

    Raises:
        RefusedError: it names nothing that can be revoked.
    """
    kind = request.WhichOneof("target")
    target: Any = getattr(request, kind) if kind else None
    match kind:
        case "session_id":
            if not SESSION_ID.fullmatch(target):
                raise not_a_session_id("session_id")
            return _revoke_one(state, target)
        case "refresh_token":
            family = state.family_of(target)
            return _revoke_one(state, family.id) if family else _ended(state, 0)
        case "access_token":
            return _revoke_access_token(state, target)
        case "subject":
            return _revoke_subject(state, target, request.except_session_id)
        case "issuer":
            return _shared(state, state.cut_off("issuer", target, ""))
        case None:
            raise field_invalid("target", "nothing", "exactly one target")
        case _:
            name, is_for_good = _SHARED[kind]
            act = state.revoke if is_for_good else state.cut_off
            return _shared(state, act(kind, target.issuer, getattr(target, name)))


def _revoke_one(state: State, session_id: str) -> RevokeSessionResponse:
    """End a session, whether or not it was opened here: a token that was signed for a test has one too."""
    family = state.families.get(session_id)
    if family is None:
        return _ended(state, 0, state.revoke("session", "", session_id))
    count = int(state.is_live(family))
    return _ended(state, count, state.end(family))


def _revoke_access_token(state: State, token: str) -> RevokeSessionResponse:
    try:
        session_id = verify(token, state.signer).session.session_id
    except RejectedError:
        return _ended(state, 0)
    return _revoke_one(state, session_id)


def _revoke_subject(state: State, target: Any, spared: str) -> RevokeSessionResponse:
    if target.issuer != ISSUER:
        raise field_invalid("subject.issuer", "another issuer", ISSUER)
    own = [one for one in state.families.values() if one.login.subject == target.subject]
    if spared and spared not in {one.id for one in own}:
        raise field_invalid("except_session_id", "no session of the subject", "one of its sessions")
    live = [one for one in own if one.id != spared and state.is_live(one)]
    told = [state.end(one) for one in live]
    if not spared:
        told.append(state.cut_off("subject", ISSUER, target.subject))
    return _ended(state, len(live), *told)


def _shared(state: State, told: Revocation) -> RevokeSessionResponse:
    """How many sessions share it is not counted."""
    return RevokeSessionResponse(revision=state.log.revision, revocations=[told])


def _ended(state: State, count: int, *told: Revocation) -> RevokeSessionResponse:
    return RevokeSessionResponse(revision=state.log.revision, sessions_ended=count, revocations=told)
