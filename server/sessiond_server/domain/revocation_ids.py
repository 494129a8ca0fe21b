"""The hashed ids by which a token can be revoked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.identifiers import SessionId, hashed_id, subject_byte
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.revocation import NO_ID, Revocation, RevocationType

_OF_CLAIMS: Final = (
    (RevocationType.TOKEN, "token_id"),
    (RevocationType.SUBJECT, "subject"),
    (RevocationType.PROVIDER_SESSION, "provider_session_id"),
    (RevocationType.TENANT, "tenant_id"),
    (RevocationType.CLIENT, "client_id"),
    (RevocationType.KEY, "key_id"),
)


@dataclass(frozen=True, slots=True)
class RevocationIds:
    """The hashed ids by which a token can be revoked, computed once per token.

    `started_ms` is compared with cutoffs; None counts as older than every cutoff. `placing_byte` finds the
    partition whose freshness the token needs.
    """

    hashed_ids: tuple[bytes, ...]
    session: bytes
    provider_session: bytes
    started_ms: int | None
    placing_byte: int

    def are_hit_by(self, entry: Revocation) -> bool:
        """Whether an entry about one of these ids revokes the token."""
        if self.started_ms is None:
            return True
        spared = entry.type is RevocationType.SUBJECT and (
            (entry.except_session != NO_ID and entry.except_session == self.session)
            or (
                entry.except_provider_session != NO_ID
                and entry.except_provider_session == self.provider_session
            )
        )
        return self.started_ms <= (entry.floor_ms if spared else entry.not_before_ms)


def revocation_ids_of(claims: Claims, policy: IssuerPolicy) -> RevocationIds:
    """The hashed ids of a token, and since when it counts.

    A token of the local issuer counts from the creation of its session, a provider's token from its own
    issue, less the clock skew.
    """
    issuer = claims.issuer
    ids = {
        type_: hashed_id(type_.kind, issuer, value)
        for type_, name in _OF_CLAIMS
        if (value := getattr(claims, name)) is not None
    }
    ids[RevocationType.ISSUER] = hashed_id(RevocationType.ISSUER.kind, issuer, "")
    local_session = SessionId.find(claims.session_id) if claims.session_id else None
    if local_session:
        ids[RevocationType.SESSION] = local_session.hashed
    return RevocationIds(
        hashed_ids=tuple(ids.values()),
        session=ids.get(RevocationType.SESSION, NO_ID),
        provider_session=ids.get(RevocationType.PROVIDER_SESSION, NO_ID),
        started_ms=_started_ms(claims, policy),
        placing_byte=subject_byte(issuer, claims.subject),
    )


def _started_ms(claims: Claims, policy: IssuerPolicy) -> int | None:
    if policy.is_local:
        return claims.session_start_ms
    if claims.issued_at is None:
        return None
    return int((claims.issued_at - policy.clock_skew.total_seconds()) * 1000)
