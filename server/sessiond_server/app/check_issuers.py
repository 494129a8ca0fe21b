"""What works of an issuer: its documents, its keys, and our credentials there."""

from __future__ import annotations

from sessiond_server.adapters.http.client_credentials import ClientCredentials
from sessiond_server.adapters.http.credentials_trial import try_credentials
from sessiond_server.app.findings import Finding
from sessiond_server.app.issuers import ConfiguredProvider, key_set_reader
from sessiond_server.app.workloads import AnyIssuer, ConfiguredWorkloadIssuer
from sessiond_server.config.settings import Settings
from sessiond_server.service.logger import Logger
from sessiond_server.service.validation.key_source import Unfetched


async def check_issuer(issuer: ConfiguredProvider, *, logger: Logger) -> list[Finding]:
    """Fetch the keys of a provider, and try each of our clients there, as the server would."""
    role = "sessions and validation" if issuer.provider else "validation only"
    what = f"issuer {issuer.settings.issuer}"
    return [
        await _keys(issuer, what=what, role=role, logger=logger),
        *[await _client(issuer, one) for one in issuer.credentials],
    ]


async def check_workload_issuer(
    issuer: ConfiguredWorkloadIssuer, settings: Settings, *, logger: Logger
) -> list[Finding]:
    """Fetch the keys of a workload issuer, and count the callers that its tokens can be of."""
    name = issuer.settings.issuer
    callers = [one for one in settings.callers if one.workloads and name in settings.workload_issuers_of(one)]
    role, what = f"callers: {len(callers)}", f"workload issuer {name}"
    return [await _keys(issuer, what=what, role=role, logger=logger)]


async def _keys(issuer: AnyIssuer, *, what: str, role: str, logger: Logger) -> Finding:
    found = await issuer.documents.key_set(None)
    if isinstance(found, Unfetched):
        return Finding(what, works=False, seen=f"no keys: {found.detail}")
    keys = key_set_reader(issuer.policy, logger=logger)(found.body or b"")
    if keys is None:
        return Finding(what, works=False, seen="no keys: the document is no key set")
    if not keys:
        return Finding(what, works=False, seen="no keys: none of the key set can be used here")
    return Finding(what, works=True, seen=f"keys: {len(keys)}; {role}")


async def _client(issuer: ConfiguredProvider, credentials: ClientCredentials) -> Finding:
    trial = await try_credentials(issuer.documents, issuer.outbound, credentials)
    what = f"client {credentials.client_id} at {issuer.settings.issuer}"
    return Finding(what, works=trial.is_good, seen=trial.seen)
