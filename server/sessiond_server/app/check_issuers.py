"""What works of an issuer: its documents, its keys, its clock, and our credentials there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sessiond_server.adapters.http.client_credentials import ClientCredentials
from sessiond_server.adapters.http.credentials_trial import try_credentials
from sessiond_server.adapters.http.issuer_documents import IssuerDocuments
from sessiond_server.app.client_credentials import clients_of
from sessiond_server.app.findings import Finding, Severity
from sessiond_server.app.issuers import ConfiguredProvider, key_set_reader
from sessiond_server.app.workloads import AnyIssuer, ConfiguredWorkloadIssuer
from sessiond_server.config.settings import Settings
from sessiond_server.service.logger import Logger
from sessiond_server.service.validation.key_source import Unfetched

# A header tells whole seconds, and its answer was on its way.
_ROUGHLY = timedelta(seconds=2)


async def check_issuer(issuer: ConfiguredProvider, settings: Settings, *, logger: Logger) -> list[Finding]:
    """Fetch the keys of a provider, and try each of our clients there, as the server would."""
    role = "sessions and validation" if issuer.provider else "validation only"
    field = f"issuers[{settings.issuers.index(issuer.settings)}]"
    return [
        await _keys(issuer, field=field, role=role, logger=logger),
        *_clock(issuer.documents, field=field, allowed=issuer.settings.clock_skew),
        *[await _client(issuer, one, settings) for one in issuer.credentials],
    ]


async def check_workload_issuer(
    issuer: ConfiguredWorkloadIssuer, settings: Settings, *, logger: Logger
) -> list[Finding]:
    """Fetch the keys of a workload issuer, and count the callers that its tokens can be of."""
    name = issuer.settings.issuer
    callers = [one for one in settings.callers if one.workloads and name in settings.workload_issuers_of(one)]
    field = f"workload_issuers[{settings.workload_issuers.index(issuer.settings)}]"
    return [
        await _keys(issuer, field=field, role=f"callers: {len(callers)}", logger=logger),
        *_clock(issuer.documents, field=field, allowed=issuer.settings.clock_skew),
    ]


async def _keys(issuer: AnyIssuer, *, field: str, role: str, logger: Logger) -> Finding:
    found = await issuer.documents.key_set(None)
    if isinstance(found, Unfetched):
        return _no_keys(field, issuer, found.detail)
    keys = key_set_reader(issuer.policy, logger=logger)(found.body or b"")
    if keys is None:
        return _no_keys(field, issuer, "the document is no key set")
    if not keys:
        return _no_keys(field, issuer, "none of the key set can be used here")
    return Finding(Severity.OK, field, f"{issuer.settings.issuer}: keys: {len(keys)}; {role}")


def _no_keys(field: str, issuer: AnyIssuer, why: str) -> Finding:
    return Finding(
        Severity.ERROR, field, f"{issuer.settings.issuer}: no keys: {why}", "a key set that can be fetched"
    )


def _clock(documents: IssuerDocuments, *, field: str, allowed: timedelta) -> Iterator[Finding]:
    """Compare the issuer's clock with ours: where it is further ahead, its fresh tokens are refused."""
    told = documents.told_time
    if told is None:
        return
    ahead = told.issuer - told.ours
    if abs(ahead) > (allowed + _ROUGHLY).total_seconds():
        found = (
            f"the issuer's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
        )
        yield Finding(Severity.WARNING, f"{field}.clock_skew", found, f"{allowed.total_seconds():g} s")


async def _client(issuer: ConfiguredProvider, credentials: ClientCredentials, settings: Settings) -> Finding:
    trial = await try_credentials(issuer.documents, issuer.outbound, credentials)
    name = (issuer.settings.issuer, credentials.client_id)
    at = next(path for path, client, _ in clients_of(settings.issuers) if client == name)
    found = f"{credentials.client_id} at {issuer.settings.issuer}: {trial.seen}"
    if trial.is_good is None:
        return Finding(Severity.NOTE, f"{at}.client_id", found)
    severity = Severity.OK if trial.is_good else Severity.ERROR
    return Finding(severity, f"{at}.client_id", found, "" if trial.is_good else "credentials that are taken")
