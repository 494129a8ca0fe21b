"""Ends sessions, by whatever the caller knows them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import to_revision
from sessiond_server.domain.session import Cause
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.sessions.refresh_token_authenticator import RefreshTokenAuthenticator
from sessiond_server.service.storage.sessions import RevocationResult, SessionStore
from sessiond_server.service.validation.token_cache import VerifiedToken
from sessiond_server.service.validation.validate import Validation


@dataclass(frozen=True, slots=True)
class BySession:
    """One session, by its id."""

    session: SessionId


@dataclass(frozen=True, slots=True, repr=False)
class ByRefreshToken:
    """The session of a refresh token of any generation."""

    token: str


@dataclass(frozen=True, slots=True, repr=False)
class ByAccessToken:
    """The session of an access token, expired or not."""

    token: bytes


@dataclass(frozen=True, slots=True)
class BySubject:
    """Every session of a subject, except `spared`."""

    issuer: str
    subject: str
    spared: SessionId | None


Target: TypeAlias = BySession | ByRefreshToken | ByAccessToken | BySubject


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """What a revocation did: a revision at which it is known, and how many live sessions it ended."""

    revision: str
    count: int


class SessionRevocation:
    """Revocation of what callers name.

    `entry_life_ms` is how long an entry of the revocation log is kept, `cutoff_life_ms` how long the store
    remembers that a subject was revoked.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        authenticator: RefreshTokenAuthenticator,
        scope: CallerScope,
        validation: Validation,
        revocations: Revocations,
        entry_life_ms: int,
        cutoff_life_ms: int,
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._scope = scope
        self._validation = validation
        self._revocations = revocations
        self._entry_life_ms = entry_life_ms
        self._cutoff_life_ms = cutoff_life_ms

    async def revoke(self, target: Target, *, cause: Cause, caller: Caller) -> SessionsEnded:
        """End what `target` names; when this returns, the end is stored, and this server knows it.

        What is unknown or ended already counts 0 (RFC 7009 §2.2), and for a token that is not authentic
        nothing is written.

        Raises:
            InputRefusedError: the subject's issuer has no sessions, or the spared session is not the
                subject's.
            CallerNotPermittedError: the issuer or client is not this caller's; nothing changes.
            PepperMissingError, KeysUnavailableError: whether the token is authentic cannot be told now.
            RevocationViewStaleError: the end is stored, and this server cannot read what else has ended.
        """
        match target:
            case BySession(session=session):
                return await self._end(session, cause=cause, caller=caller)
            case ByRefreshToken(token=token):
                presented = await self._authenticator.authenticate(token)
                return await self._end(presented.session if presented else None, cause=cause, caller=caller)
            case ByAccessToken(token=access_token):
                return await self._end_by_access_token(access_token, cause=cause, caller=caller)
            case BySubject():
                return await self._end_subject(target, cause=cause, caller=caller)
            case _ as never:
                assert_never(never)

    async def _end(self, session: SessionId | None, *, cause: Cause, caller: Caller) -> SessionsEnded:
        if session is None:
            return SessionsEnded(self._revocations.revision, count=0)
        await self._scope.require_session(session, caller, to_end=True)
        return await self._revoked(
            await self._store.end(session, cause=cause, entry_life_ms=self._entry_life_ms)
        )

    async def _end_by_access_token(self, token: bytes, *, cause: Cause, caller: Caller) -> SessionsEnded:
        verified = await self._validation.authenticate(token)
        if verified is None:
            return await self._end(None, cause=cause, caller=caller)
        caller.require_session(verified.claims.issuer, verified.claims.client_id)
        if verified.policy.is_local:
            return await self._end(
                SessionId.find(verified.claims.session_id or ""), cause=cause, caller=caller
            )
        return await self._end_provider(verified, cause=cause)

    async def _end_provider(self, verified: VerifiedToken, *, cause: Cause) -> SessionsEnded:
        claims = verified.claims
        ended = await self._store.end_provider(
            claims.issuer,
            claims.subject,
            provider_session=claims.provider_session_id,
            token_id=claims.token_id,
            started_ms=max(0, verified.revocation_ids.started_ms or 0),
            cause=cause,
            entry_life_ms=self._entry_life_ms,
        )
        return await self._revoked(ended)

    async def _end_subject(self, target: BySubject, *, cause: Cause, caller: Caller) -> SessionsEnded:
        self._scope.require_issuer(target.issuer, caller)
        caller.require_every_client()
        ended = await self._store.end_subject(
            target.issuer,
            target.subject,
            spared=target.spared,
            cause=cause,
            cutoff_life_ms=self._cutoff_life_ms,
            entry_life_ms=self._entry_life_ms,
        )
        return await self._revoked(ended)

    async def _revoked(self, ended: RevocationResult) -> SessionsEnded:
        # What had ended already was logged by whoever ended it, and this server may not have read that yet.
        await self._revocations.apply_up_to(ended.logged)
        return SessionsEnded(to_revision([ended.logged.position]), ended.count)
