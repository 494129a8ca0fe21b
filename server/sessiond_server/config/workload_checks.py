"""What has to hold between workload issuers, the callers that they name, and the issuers of end users."""

from __future__ import annotations

from collections.abc import Iterator

from sessiond_server.config.kinds import shown
from sessiond_server.config.problems import Problem, repeated
from sessiond_server.config.settings import CallerSettings, Settings
from sessiond_server.config.urls import is_callable
from sessiond_server.config.workload_settings import WorkloadIssuerSettings


def workload_problems_of(settings: Settings) -> Iterator[Problem]:
    """Every contradiction that concerns workloads."""
    yield from repeated("workload_issuers", "issuer", (one.issuer for one in settings.workload_issuers))
    for index, issuer in enumerate(settings.workload_issuers):
        yield from _issuer(settings, issuer, f"workload_issuers[{index}]")
    for index, caller in enumerate(settings.callers):
        yield from _caller(settings, caller, f"callers[{index}]")
    named = [
        f"{subject} of {issuer}"
        for caller in settings.callers
        for subject in caller.workloads
        for issuer in settings.workload_issuers_of(caller)
    ]
    yield from repeated("callers", "workload", named)


def _issuer(settings: Settings, issuer: WorkloadIssuerSettings, at: str) -> Iterator[Problem]:
    if not issuer.jwks_url and not issuer.discovery:
        yield Problem(f"{at}.jwks_url", "nothing, and no discovery", "an address, or discovery = true")
    for name in ("jwks_url", "issuer") if issuer.discovery and not issuer.jwks_url else ("jwks_url",):
        url = getattr(issuer, name)
        if url and not is_callable(url, allow_http=issuer.allow_http):
            yield Problem(f"{at}.{name}", shown(url), "an https address, or http to loopback with allow_http")
    if issuer.token_file and not issuer.ca_file:
        yield Problem(
            f"{at}.ca_file",
            "nothing, with a token_file",
            "the issuer's own authorities: nobody whom others vouch for gets that token",
        )
    for other in settings.issuers:
        if other.issuer == issuer.issuer and issuer.audience in other.audiences:
            yield Problem(
                f"{at}.audience",
                f"{shown(issuer.audience)}, which end users' tokens of {shown(issuer.issuer)} have",
                "an audience that no end user's token has: a token would be a user's and a caller's",
            )


def _caller(settings: Settings, caller: CallerSettings, at: str) -> Iterator[Problem]:
    known = {one.issuer for one in settings.workload_issuers}
    if caller.workloads and not known:
        yield Problem(f"{at}.workloads", "workloads, and nobody who names them", "only with workload_issuers")
    if caller.workloads and caller.workload_issuers is None and len(known) > 1:
        yield Problem(
            f"{at}.workload_issuers", "nothing, with several workload issuers", "one or more of them"
        )
    if caller.workload_issuers is not None and not (caller.workloads and caller.workload_issuers):
        yield Problem(f"{at}.workload_issuers", "no workloads of theirs, or none of them", "both, or neither")
    for issuer in caller.workload_issuers or ():
        if issuer not in known:
            yield Problem(f"{at}.workload_issuers", shown(issuer), "workload issuers that are configured")
