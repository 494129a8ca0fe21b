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
from sessiond_server.domain.session import Cause, Whose
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.sessions.audited_ends import AuditedEnds, Ending
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.sessions.refresh_token_authenticator import RefreshTokenAuthenticator
from sessiond_server.service.storage.cutoffs import Cutoffs, Shared
from sessiond_server.service.storage.revocations import Logged
from sessiond_server.service.storage.sessions import Owner, RevocationResult, SessionStore
from sessiond_server.service.uncancelled import Uncancelled
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

    What takes several commands goes on to its end without its caller too: of what many share, or of a subject
    that has very many sessions, no part is to be left.

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
        uncancelled: Uncancelled,
        audit: AuditTrail,
        entry_life_ms: int,
        cutoff_life_ms: int,
    ) -> None:
        self._store = store
        self._cutoffs = cutoffs
        self._authenticator = authenticator
        self._scope = scope
        self._validation = validation
        self._revocations = revocations
        self._uncancelled = uncancelled
        self._audited = AuditedEnds(audit)
        self._entry_life_ms = entry_life_ms
        self._cutoff_life_ms = cutoff_life_ms

    async def revoke(self, target: Target, *, cause: Cause, caller: Caller, origin: Origin) -> SessionsEnded:
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
            OverloadedError: too much is under way; nothing was begun.
            RevocationViewStaleError: the end is stored, and this server cannot read what else has ended.
        """
        ending = Ending(cause, caller, origin)
        match target:
            case BySession(session=session):
                return await self._end_by_id(session, ending)
            case ByRefreshToken(token=token):
                return await self._end_by_refresh_token(token, ending)
            case ByAccessToken(token=access_token):
                return await self._end_by_access_token(access_token, ending)
            case BySubject():
                return await self._end_subject(target, ending)
            case Shared():
                return await self._end_shared(target, ending)
            case _ as never:
                assert_never(never)

    async def _end_by_id(self, session: SessionId, ending: Ending) -> SessionsEnded:
        if await self._scope.owner_of(session, ending.caller, to_end=True) is not Owner.CALLER:
            return self._nothing_ended()
        return await self._end(session, ending, is_proven=False)

    async def _end_by_refresh_token(self, text: str, ending: Ending) -> SessionsEnded:
        token = await self._authenticator.authenticate(text, ending.caller, to_end=True)
        return await self._end(token.session, ending) if token else self._nothing_ended()

    async def _end_by_access_token(self, token: bytes, ending: Ending) -> SessionsEnded:
        verified = await self._validation.authenticate(token, permitted_issuers=ending.caller.issuers)
        if verified is None or not ending.caller.may_handle_client(verified.claims.client_id):
            return self._nothing_ended()
        if not verified.policy.is_local:
            return await self._uncancelled.run(self._end_provider(verified, ending))
        session = SessionId.find(verified.claims.session_id or "")
        return await self._end(session, ending) if session else self._nothing_ended()

    async def _end(self, session: SessionId, ending: Ending, *, is_proven: bool = True) -> SessionsEnded:
        coming = self._store.end(
            session, is_proven=is_proven, cause=ending.cause, entry_life_ms=self._entry_life_ms
        )
        return await self._revoked(await self._audited.of_session(session, coming, ending))

    async def _end_provider(self, verified: VerifiedToken, ending: Ending) -> SessionsEnded:
        claims = verified.claims
        coming = self._store.end_provider(
            claims.issuer,
            claims.subject,
            provider_session=claims.provider_session_id,
            token_id=claims.token_id,
            started_ms=max(0, verified.revocation_ids.started_ms or 0),
            client_ids=ending.caller.client_ids,
            cause=ending.cause,
            entry_life_ms=self._entry_life_ms,
        )
        whose = Whose.of_subject(
            claims.issuer, claims.subject, tenant_id=claims.tenant_id, client_id=claims.client_id
        )
        return await self._revoked(await self._audited.of_token(whose, coming, ending))

    async def _end_subject(self, target: BySubject, ending: Ending) -> SessionsEnded:
        self._scope.require_issuer(target.issuer, ending.caller)
        ending.caller.require_every_client()
        return await self._uncancelled.run(self._end_all_of(target, ending))

    async def _end_all_of(self, target: BySubject, ending: Ending) -> SessionsEnded:
        coming = self._store.end_subject(
            target.issuer,
            target.subject,
            spared=target.spared,
            cause=ending.cause,
            cutoff_life_ms=self._cutoff_life_ms,
            entry_life_ms=self._entry_life_ms,
        )
        whose = Whose.of_subject(target.issuer, target.subject)
        return await self._revoked(await self._audited.of_subject(whose, coming, ending))

    async def _end_shared(self, shared: Shared, ending: Ending) -> SessionsEnded:
        self._scope.require_shared(shared, ending.caller)
        return await self._uncancelled.run(self._cut_off(shared, ending))

    async def _cut_off(self, shared: Shared, ending: Ending) -> SessionsEnded:
        coming = self._cutoffs.set(
            shared, cutoff_life_ms=self._cutoff_life_ms, entry_life_ms=self._entry_life_ms
        )
        logged = await self._audited.of_shared(shared, coming, ending)
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
