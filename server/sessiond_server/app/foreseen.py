"""What may be counted of each configured issuer: it is shown as 0 before it has happened."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import product
from typing import Final, get_args

from sessiond_server.adapters.http.error_codes import ALL_CODES
from sessiond_server.adapters.http.issuer_documents import UNFETCHED
from sessiond_server.app.issuers import ConfiguredProvider
from sessiond_server.app.workloads import ConfiguredWorkloadIssuer
from sessiond_server.domain.caller import UNKNOWN
from sessiond_server.service.providers.refresh_ahead import AHEAD
from sessiond_server.service.telemetry import ExchangeOutcome, RefreshTokenFate, Telemetry
from sessiond_server.service.validation.remote_keys import FETCHED
from sessiond_server.service.validation.workloads import JUDGED, JUDGED_OF_NOBODY

_FETCHES: Final = (*FETCHED, *UNFETCHED)


def foresee_issuers(
    telemetry: Telemetry,
    issuers: Collection[ConfiguredProvider],
    workload_issuers: Collection[ConfiguredWorkloadIssuer],
) -> None:
    """Foresee whatever the issuers may do; those without sessions are asked for nothing but keys."""
    workloads = [one.settings.issuer for one in workload_issuers]
    every = [*(one.settings.issuer for one in issuers), *workloads]
    telemetry.foresee("key_set_fetched", product(every, _FETCHES))
    telemetry.foresee("workload_token_judged", product(workloads, JUDGED))
    if workload_issuers:
        telemetry.foresee("workload_token_judged", product((UNKNOWN,), JUDGED_OF_NOBODY))
    _foresee_exchanges(telemetry, [one.settings.issuer for one in issuers if one.provider])
    ahead = [one.settings.issuer for one in issuers if one.provider and one.settings.refresh_ahead]
    telemetry.foresee("exchanged_ahead", product(ahead, AHEAD))


def _foresee_exchanges(telemetry: Telemetry, providers: Iterable[str]) -> None:
    for issuer in providers:
        telemetry.foresee("exchange_tried", product((issuer,), get_args(ExchangeOutcome)))
        telemetry.foresee("rotation_contradicted", product((issuer,), get_args(RefreshTokenFate)))
        telemetry.foresee("provider_erred", product((issuer,), ALL_CODES))
        telemetry.foresee("refresh_life_unread", [(issuer,)])
        telemetry.foresee("scopes_widened", [(issuer,)])
