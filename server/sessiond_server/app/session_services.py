"""Builds what opens sessions, refreshes them, and ends them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sessiond_server.adapters.jwt.parser import claims_object
from sessiond_server.app.foundation import Foundation, OpenIssuers
from sessiond_server.app.issuers import ConfiguredLocalIssuer, ahead_of_need
from sessiond_server.domain.refresh_token import Peppers
from sessiond_server.service.providers.ahead_exchange import AheadExchange
from sessiond_server.service.providers.exchange import ProviderExchange
from sessiond_server.service.providers.logins import Providers
from sessiond_server.service.providers.refresh_ahead import RefreshAhead
from sessiond_server.service.providers.refused_logins import RefusedLogins
from sessiond_server.service.providers.until_stored import UntilStored
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.sessions.adopt import SessionAdoption
from sessiond_server.service.sessions.caller_scope import CallerScope
from sessiond_server.service.sessions.create import SessionCreation
from sessiond_server.service.sessions.lease_queues import LeaseQueues
from sessiond_server.service.sessions.local_logins import LocalLogins
from sessiond_server.service.sessions.lookup import SessionLookup
from sessiond_server.service.sessions.refresh import SessionRefresh
from sessiond_server.service.sessions.refresh_token_authenticator import RefreshTokenAuthenticator
from sessiond_server.service.sessions.revoke import SessionRevocation
from sessiond_server.service.storage.missing_keys import MissingKeys
from sessiond_server.service.uncancelled import Uncancelled
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.validate import Validation
from sessiond_server.transport.methods import Sessions


@dataclass(frozen=True, slots=True)
class SessionServices:
    """What callers ask of sessions, and what goes on without them.

    `ends` are revocations that go on without their callers.
    """

    sessions: Sessions
    exchange: ProviderExchange
    ahead: RefreshAhead
    ends: Uncancelled


def open_sessions(
    base: Foundation,
    issuers: OpenIssuers,
    providers: Providers,
    validation: Validation,
    *,
    possession: ProofOfPossession,
    revocations: Revocations,
    peppers: Peppers,
) -> SessionServices:
    """Build them upon what validates tokens."""
    stores, clock, telemetry, logger = base.stores, base.clock, base.telemetry, base.logger
    audit, entry_life_ms, lifetimes = base.audit.trail, issuers.entry_life_ms, issuers.lifetimes
    uncancelled = Uncancelled()
    until_stored = UntilStored(clock=clock, logger=logger, telemetry=telemetry)
    exchange = ProviderExchange(
        stores.sessions,
        stores.leases,
        providers,
        revocations=revocations,
        logger=logger,
        telemetry=telemetry,
        uncancelled=uncancelled,
        until_stored=until_stored,
        audit=audit,
        clock=clock,
    )
    queues = LeaseQueues(clock=clock)
    telemetry.gauge("refreshes_waiting", "Refreshes that wait for another's exchange", lambda: len(queues))
    local = _local_logins(issuers.local, base) if issuers.local else None
    scope = CallerScope(
        stores.sessions,
        issuers=lifetimes,
        trusted={one.policy.issuer for one in issuers.trusted},
        logger=logger,
    )
    missing = MissingKeys(telemetry=telemetry, logger=logger)
    authenticator = RefreshTokenAuthenticator(stores.sessions, scope=scope, peppers=peppers, missing=missing)
    ahead = RefreshAhead(
        AheadExchange(
            stores.ahead,
            providers,
            revocations=revocations,
            uncancelled=Uncancelled(),
            until_stored=until_stored,
            audit=audit,
            logger=logger,
            clock=clock,
            entry_life_ms=entry_life_ms,
            randomness=os.urandom,
        ),
        ahead_of_need(base.settings.issuers, lifetimes),
        clock=clock,
        telemetry=telemetry,
    )
    refused = RefusedLogins(providers, stores.queue, randomness=os.urandom, logger=logger)
    creation = SessionCreation(
        stores.sessions,
        local=local,
        providers=providers,
        ahead=ahead,
        refused=refused,
        possession=possession,
        lifetimes=lifetimes,
        entry_life_ms=entry_life_ms,
        peppers=peppers,
        revocations=revocations,
        uncancelled=uncancelled,
        audit=audit,
        randomness=os.urandom,
    )
    adoption = SessionAdoption(
        stores.adoptions,
        creation=creation,
        providers=providers,
        refused=refused,
        queues=queues,
        lifetimes=lifetimes,
        peppers=peppers,
        uncancelled=uncancelled,
        until_stored=until_stored,
        clock=clock,
        randomness=os.urandom,
        missing=missing,
        audit=audit,
        logger=logger,
        telemetry=telemetry,
    )
    refreshing = SessionRefresh(
        local=local,
        providers=providers,
        exchange=exchange,
        ahead=ahead,
        queues=queues,
        authenticator=authenticator,
        possession=possession,
        entry_life_ms=entry_life_ms,
        peppers=peppers,
        revocations=revocations,
        clock=clock,
        randomness=os.urandom,
        missing=missing,
        logger=logger,
    )
    # A crowd of refreshes that go on without their callers leaves revocations their room.
    ends = Uncancelled()
    revocation = SessionRevocation(
        stores.sessions,
        stores.cutoffs,
        authenticator=authenticator,
        scope=scope,
        validation=validation,
        revocations=revocations,
        uncancelled=ends,
        audit=audit,
        entry_life_ms=entry_life_ms,
        cutoff_life_ms=issuers.cutoff_life_ms,
    )
    sessions = Sessions(
        creation=creation,
        adoption=adoption,
        refreshing=refreshing,
        revocation=revocation,
        lookups=SessionLookup(stores.sessions, scope=scope),
    )
    return SessionServices(sessions, exchange, ahead, ends)


def _local_logins(issuer: ConfiguredLocalIssuer, base: Foundation) -> LocalLogins:
    return LocalLogins(
        issuer.policy,
        lifetimes=issuer.lifetimes,
        default_client=issuer.settings.client_id or issuer.settings.audiences[0],
        minter=issuer.minter,
        read_object=claims_object,
        clock=base.clock,
        max_token_bytes=base.settings.server.max_token_bytes,
    )
