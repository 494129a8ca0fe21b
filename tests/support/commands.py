"""The services that act on sessions, over a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessiond_server.domain.caller import Caller, Group
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.sessions.refresh_token_authenticator import RefreshTokenAuthenticator
from sessiond_server.service.sessions.revoke import SessionRevocation
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.uncancelled import Uncancelled
from tests.support.fakes import SilentLogger, SilentTelemetry, audit_trail
from tests.support.store import ENTRY_LIFE_MS, ISSUER, PEPPERS, Store

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import Peppers
    from sessiond_server.service.audit.events import AuditSink
    from sessiond_server.service.logger import Logger
    from sessiond_server.service.revocation.follow import Revocations

# An issuer whose tokens are accepted, and that has no sessions.
VALIDATED = "https://validated.example"
ANYBODY = Caller("anybody", frozenset(Group))


def scope_over(store: Store, logger: Logger | None = None) -> CallerScope:
    return CallerScope(
        store.sessions, issuers=[ISSUER], trusted=[ISSUER, VALIDATED], logger=logger or SilentLogger()
    )


def silent_alarm() -> MissingKeys:
    return MissingKeys(telemetry=SilentTelemetry(), logger=SilentLogger())


def authenticator_over(
    store: Store, peppers: Peppers = PEPPERS, missing: MissingKeys | None = None
) -> RefreshTokenAuthenticator:
    return RefreshTokenAuthenticator(
        store.sessions, scope=scope_over(store), peppers=peppers, missing=missing or silent_alarm()
    )


def revocation_over(
    store: Store, view: Revocations, validation: Any = None, audit: AuditSink | None = None
) -> SessionRevocation:
    return SessionRevocation(
        store.sessions,
        store.stores.cutoffs,
        authenticator=authenticator_over(store),
        scope=scope_over(store),
        validation=validation,
        revocations=view,
        uncancelled=Uncancelled(),
        audit=audit_trail(audit),
        entry_life_ms=ENTRY_LIFE_MS,
        cutoff_life_ms=ENTRY_LIFE_MS,
    )
