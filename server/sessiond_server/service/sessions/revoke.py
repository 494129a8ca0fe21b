"""Ends sessions, by whatever the caller knows them by."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, TypeAlias, assert_never

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.identifiers import SessionId, hashed_id
from sessiond_server.domain.revocation import Revocation, to_revision
from sessiond_server.domain.session import Cause
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.sessions.refresh_token_authenticator import RefreshTokenAuthenticator
from sessiond_server.service.storage.cutoffs import Cutoffs, Shared
from sessiond_server.service.storage.revocations import Logged
from sessiond_server.service.storage.sessions import Owner, RevocationResult, SessionStore
from sessiond_server.service.validation.token_cache import VerifiedToken
from sessiond_server.service.validation.validate import Validation

# What clients accept is 4 MiB, of which this is a tenth.
MAX_REVOCATIONS_TOLD: Final = 4_096


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


# What many sessions share ends as it is.
Target: TypeAlias = BySession | ByRefreshToken | ByAccessToken | BySubject | Shared


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """What a revocation did: a revision at which it is known, and how many live sessions it ended.

    `count` is None where no index says how many these are. `revocations` are those that stand now because of
    it, whoever wrote them: of very many the first, which is the subject's own where it has so many sessions.
    """

    revision: str
    count: int | None
    revocations: tuple[Revocation, ...] = ()


class SessionRevocation:
    """Revocation of what callers name.

    `entry_life_ms` is how long an entry of the revocation log is kept, `cutoff_life_ms` how long the store
    remembers that a subject, or what many share, was revoked.
    """

    def __init__(
        self,
        store: SessionStore,
        cutoffs: Cutoffs,
        *,
        authenticator: RefreshTokenAuthenticator,
        scope: CallerScope,
        validation: Validation,
        revocations: Revocations,
        entry_life_ms: int,
        cutoff_life_ms: int,
    ) -> None:
        self._store = store
        self._cutoffs = cutoffs
        self._authenticator = authenticator
        self._scope = scope
        self._validation = validation
        self._revocations = revocations
        self._entry_life_ms = entry_life_ms
        self._cutoff_life_ms = cutoff_life_ms

    async def revoke(self, target: Target, *, cause: Cause, caller: Caller) -> SessionsEnded:
        """End what `target` names; when this returns, the end is stored, and this server knows it.

        What is unknown, ended already or not this caller's counts 0 (RFC 7009 §2.2), and for a token that is
        not authentic nothing is written. A session of an authentic token that the store does not know must
        have been lost there: its end is written all the same.

        Raises:
            InputRefusedError: the subject's issuer has no sessions, that of what many share is not trusted,
                or the spared session is not the subject's.
            CallerNotPermittedError: the issuer is not this caller's, or not all of its clients are; nothing
                changes.
            PepperMissingError, KeysUnavailableError: whether the token is authentic cannot be told now.
            RevocationViewStaleError: the end is stored, and this server cannot read what else has ended.
        """
        match target:
            case BySession(session=session):
                return await self._end_by_id(session, cause=cause, caller=caller)
            case ByRefreshToken(token=token):
                return await self._end_by_refresh_token(token, cause=cause, caller=caller)
            case ByAccessToken(token=access_token):
                return await self._end_by_access_token(access_token, cause=cause, caller=caller)
            case BySubject():
                return await self._end_subject(target, cause=cause, caller=caller)
            case Shared():
                return await self._end_shared(target, caller=caller)
            case _ as never:
                assert_never(never)

    async def _end_by_id(self, session: SessionId, *, cause: Cause, caller: Caller) -> SessionsEnded:
        if await self._scope.owner_of(session, caller, to_end=True) is not Owner.CALLER:
            return self._nothing_ended()
        return await self._end(session, cause=cause, is_proven=False)

    async def _end_by_refresh_token(self, text: str, *, cause: Cause, caller: Caller) -> SessionsEnded:
        token = await self._authenticator.authenticate(text, caller, to_end=True)
        return await self._end(token.session, cause=cause) if token else self._nothing_ended()

    async def _end_by_access_token(self, token: bytes, *, cause: Cause, caller: Caller) -> SessionsEnded:
        verified = await self._validation.authenticate(token, permitted_issuers=caller.issuers)
        if verified is None or not caller.may_handle_client(verified.claims.client_id):
            return self._nothing_ended()
        if not verified.policy.is_local:
            return await self._end_provider(verified, cause=cause, caller=caller)
        session = SessionId.find(verified.claims.session_id or "")
        return await self._end(session, cause=cause) if session else self._nothing_ended()

    async def _end(self, session: SessionId, *, cause: Cause, is_proven: bool = True) -> SessionsEnded:
        ended = await self._store.end(
            session, is_proven=is_proven, cause=cause, entry_life_ms=self._entry_life_ms
        )
        return await self._revoked(ended)

    async def _end_provider(self, verified: VerifiedToken, *, cause: Cause, caller: Caller) -> SessionsEnded:
        claims = verified.claims
        ended = await self._store.end_provider(
            claims.issuer,
            claims.subject,
            provider_session=claims.provider_session_id,
            token_id=claims.token_id,
            started_ms=max(0, verified.revocation_ids.started_ms or 0),
            client_ids=caller.client_ids,
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

    async def _end_shared(self, shared: Shared, *, caller: Caller) -> SessionsEnded:
        self._scope.require_shared(shared, caller)
        logged = await self._cutoffs.set(
            shared, cutoff_life_ms=self._cutoff_life_ms, entry_life_ms=self._entry_life_ms
        )
        await asyncio.gather(*map(self._revocations.apply_up_to, logged))
        named = (hashed_id(shared.type.kind, shared.issuer, shared.identifier),)
        return self._told(logged, count=None, named=named)

    def _nothing_ended(self) -> SessionsEnded:
        """The one answer about what is not there, and about what is there and not the caller's."""
        return SessionsEnded(self._revocations.revision, count=0)

    async def _revoked(self, ended: RevocationResult) -> SessionsEnded:
        # What had ended already was logged by whoever ended it, and this server may not have read that yet.
        await self._revocations.apply_up_to(ended.logged)
        return self._told([ended.logged], count=ended.count, named=ended.named)

    def _told(
        self, logged: Sequence[Logged], *, count: int | None, named: tuple[bytes, ...]
    ) -> SessionsEnded:
        appended = (one.hashed_id for part in logged for one in part.revocations)
        standing = self._revocations.standing(islice(chain(named, appended), MAX_REVOCATIONS_TOLD))
        return SessionsEnded(to_revision(part.position for part in logged), count, standing)
