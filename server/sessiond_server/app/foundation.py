"""What the services of a server stand on, and the issuers that it knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sessiond_server.adapters.store.open import Stores
from sessiond_server.app.audit import Audit
from sessiond_server.app.issuers import ConfiguredLocalIssuer, ConfiguredProvider
from sessiond_server.config.settings import Settings
from sessiond_server.domain.session import IssuerLifetimes
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.validation.signed import TrustedIssuer

_MIN_ENTRY_LIFE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every service stands on."""

    settings: Settings
    stores: Stores
    audit: Audit
    clock: Clock
    telemetry: Telemetry
    logger: Logger


@dataclass(frozen=True, slots=True)
class OpenIssuers:
    """The issuers of users' tokens: our own, where there is one, and those of others."""

    local: ConfiguredLocalIssuer | None
    others: tuple[ConfiguredProvider, ...]

    @property
    def trusted(self) -> list[TrustedIssuer]:
        """All of them, ours first."""
        return [one.trusted for one in (*([self.local] if self.local else ()), *self.others)]

    @property
    def lifetimes(self) -> dict[str, IssuerLifetimes]:
        """The lifetimes of sessions, by issuer; issuers without sessions are left out."""
        lifetimes = {one.policy.issuer: one.provider.lifetimes for one in self.others if one.provider}
        return {**lifetimes, self.local.policy.issuer: self.local.lifetimes} if self.local else lifetimes

    @property
    def cutoff_life_ms(self) -> int:
        """How long a cutoff is kept: as long as any session may live."""
        return max((one.longest.absolute_ms for one in self.lifetimes.values()), default=0)

    @property
    def entry_life_ms(self) -> int:
        """How long a log entry is kept: a day longer than any token that it can hit, for absent readers."""
        policies = [one.policy for one in self.trusted]
        longest = max(policy.max_lifetime + policy.leeway + policy.clock_skew for policy in policies)
        return (_MIN_ENTRY_LIFE + longest) // timedelta(milliseconds=1)
