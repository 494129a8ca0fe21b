"""What is remarked on exchanges that go on all the same: by the log, and by counters."""

from __future__ import annotations

from sessiond_server.domain.claims import Claims
from sessiond_server.service.logger import Logger
from sessiond_server.service.providers.logins import Provider, widened_scopes
from sessiond_server.service.storage.sessions import Leased
from sessiond_server.service.telemetry import RefreshTokenFate, Telemetry


class ExchangeRemarks:
    """Tells operators what their providers do otherwise than expected."""

    def __init__(self, *, telemetry: Telemetry, logger: Logger) -> None:
        self._telemetry = telemetry
        self._logger = logger
        self._told: set[tuple[str, str]] = set()

    def on_replay(self, leased: Leased, provider: Provider) -> None:
        """Tell that a token is presented again, where that may end more than its own session."""
        if provider.profile.is_replay(leased) and provider.profile.replay_ends_more:
            self._logger.warning(
                "a refresh token is presented again that may have been spent, which may end other sessions",
                issuer=provider.policy.issuer,
                session_id=str(leased.session.id),
            )

    def on_renewal(self, provider: Provider, *, is_renewed: bool) -> None:
        """Count an exchange that renewed the refresh token, or kept it, against the provider's profile.

        The log tells of each provider once: from then on it does what it does.
        """
        if is_renewed is provider.profile.renews:
            return
        issuer = provider.policy.issuer
        found: RefreshTokenFate = "renewed" if is_renewed else "kept"
        self._telemetry.rotation_contradicted(issuer, found)
        if (issuer, found) not in self._told:
            self._told.add((issuer, found))
            self._logger.warning(
                "a provider does not treat refresh tokens as its issuer's rotation says",
                issuer=issuer,
                refresh_token=found,
            )

    def on_scopes(self, claims: Claims, leased: Leased) -> None:
        """Count and tell scopes that the login had not."""
        widened = widened_scopes(claims, leased.session.login)
        if not widened:
            return
        self._telemetry.scopes_widened(claims.issuer)
        # A scope that a provider now gives to everybody is told at every exchange, so this is no warning.
        self._logger.info(
            "a provider has widened the scopes of a session",
            issuer=claims.issuer,
            session_id=str(leased.session.id),
            count=len(widened),
        )
