"""What has to hold between settings: each check yields the problems that it finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sessiond_server.config.client_checks import client_problems_of
from sessiond_server.config.client_settings import FAMILY, ROTATING
from sessiond_server.config.kinds import shown
from sessiond_server.config.problems import Problem, repeated
from sessiond_server.config.settings import ALL, EMBEDDED, LOCAL, IssuerSettings, Settings, StoreSettings
from sessiond_server.config.urls import is_callable
from sessiond_server.config.workload_checks import workload_problems_of
from sessiond_server.domain.caller import ANONYMOUS, UNKNOWN
from sessiond_server.domain.rate import KNOWN, Activity, Per
from sessiond_server.domain.store_url import StoreKind, StoreUrl, StoreUrlError

_MAX_LIMITS: Final = 32
_MAX_TENANT_LIFETIMES: Final = 1000
_ALWAYS_REQUIRED: Final = ("iss", "sub", "exp")


def problems_of(settings: Settings, *, insecure_plaintext: bool) -> list[Problem]:
    """Every contradiction in `settings`.

    `insecure_plaintext` is the operator's word that the network is to be trusted.
    """
    return [
        *_ports(settings, insecure_plaintext=insecure_plaintext),
        *_store(settings),
        *_lifetimes(settings),
        *_callers(settings),
        *workload_problems_of(settings),
        *_issuers(settings),
        *_limits(settings),
        *_audit(settings),
    ]


def _audit(settings: Settings) -> Iterator[Problem]:
    if settings.audit.stream and settings.store.kind is StoreKind.CLUSTER:
        yield Problem("audit.stream", "a stream, in a cluster", "nothing there: the log, or audit.file")


def _limits(settings: Settings) -> Iterator[Problem]:
    if len(settings.limits) > _MAX_LIMITS:
        yield Problem("limits", f"{len(settings.limits)} tables", f"at most {_MAX_LIMITS}")
    for at, limit in enumerate(settings.limits):
        known = frozenset(Per).intersection(*(KNOWN[Activity(one)] for one in limit.on))
        if limit.per not in known:
            found = f"{shown(limit.per)} for {' and '.join(limit.on)}"
            yield Problem(f"limits[{at}].per", found, " or ".join(sorted(known)))


def _ports(settings: Settings, *, insecure_plaintext: bool) -> Iterator[Problem]:
    server = settings.server
    if server.http.path:
        yield Problem("server.http", str(server.http), "HOST:PORT")
    if not server.http.is_local and not insecure_plaintext:
        yield Problem("server.http", f"{server.http} without TLS", "loopback, or --insecure-plaintext")
    if server.tls and server.listen.path:
        yield Problem("server.tls", "TLS on a Unix socket", "TLS on HOST:PORT")
    yield from _workers(settings)
    if server.listen.is_local:
        return
    if server.tls is None and not insecure_plaintext:
        yield Problem(
            "server.listen",
            f"{server.listen} without TLS",
            "loopback, a Unix socket, [server.tls], or --insecure-plaintext",
        )
    if not settings.callers and server.anonymous is None:
        yield Problem(
            "server.anonymous",
            f"nothing, on {server.listen} and without [[callers]]",
            "callers, or a written-out list of groups",
        )


def _workers(settings: Settings) -> Iterator[Problem]:
    """Only one process can listen on a Unix socket, or run a store of its own."""
    many = settings.server.workers
    if many == 1:
        return
    if settings.server.listen.path:
        yield Problem("server.workers", f"{many}, on a Unix socket", "1, or listen on HOST:PORT")
    if settings.store.is_embedded:
        yield Problem("server.workers", f"{many}, with an embedded store", "1, or a store of its own")


def _store(settings: Settings) -> Iterator[Problem]:
    store, keys = settings.store, settings.keys
    if store.is_embedded:
        if store.url == EMBEDDED:
            yield Problem("store.url", store.url, f"{EMBEDDED}DIR")
        if store.durability not in {None, LOCAL}:
            found = f"{shown(store.durability)} with an embedded store, which has no replicas"
            yield Problem("store.durability", found, shown(LOCAL))
        return
    try:
        yield from _store_url(store, StoreUrl.parse(store.url))
    except StoreUrlError as error:
        yield Problem("store.url", error.found, error.allowed)
        return
    if store.durability == ALL and not store.replicas:
        yield Problem("store.replicas", "0", 'the number of replicas, for durability "all"')
    for name in ("pepper_files", "sealing_files"):
        if not getattr(keys, name) and not keys.directory:
            allowed = "one file or more, or keys.directory, where the store is not embedded"
            yield Problem(f"keys.{name}", "nothing", allowed)


def _store_url(store: StoreSettings, url: StoreUrl) -> Iterator[Problem]:
    scheme, _, _ = store.url.partition(":")
    if not url.is_tls and not url.is_local and not store.allow_plaintext:
        with_tls = scheme.replace("redis", "rediss", 1)
        yield Problem("store.url", f"{scheme}:// beyond loopback", f"{with_tls}://, or store.allow_plaintext")
    tls_files = [name for name in ("ca_file", "cert_file", "key_file") if getattr(store, name)]
    if tls_files and not url.is_tls:
        yield Problem(f"store.{tls_files[0]}", f"a file for TLS with {scheme}://", "only with rediss")
    if bool(store.cert_file) != bool(store.key_file):
        yield Problem("store.cert_file", "one of cert_file and key_file", "both or neither")
    for name in ("sentinel_username", "sentinel_password_file"):
        if getattr(store, name) and url.kind is not StoreKind.SENTINEL:
            yield Problem(
                f"store.{name}", f"a value, with {scheme}://", "only with redis+sentinel and rediss+sentinel"
            )


def _lifetimes(settings: Settings) -> Iterator[Problem]:
    if settings.revocation.poll >= settings.revocation.max_staleness:
        yield Problem(
            "revocation.poll", "as much as max_staleness, or more", "less than revocation.max_staleness"
        )
    if settings.revocation.heartbeat > settings.revocation.max_staleness / 2:
        yield Problem(
            "revocation.heartbeat",
            "more than half of max_staleness",
            "at most half of revocation.max_staleness: a watcher may miss one",
        )
    if settings.sessions.idle > settings.sessions.absolute:
        yield Problem("sessions.idle", "more than the longest life", "at most sessions.absolute")


def _callers(settings: Settings) -> Iterator[Problem]:
    known = {issuer.issuer for issuer in settings.issuers}
    yield from repeated("callers", "name", (caller.name for caller in settings.callers))
    for index, caller in enumerate(settings.callers):
        at = f"callers[{index}]"
        if caller.name in {ANONYMOUS, UNKNOWN}:
            yield Problem(f"{at}.name", caller.name, "any other name: that one is for callers without a key")
        if not caller.key_files and not caller.identities and not caller.workloads:
            yield Problem(f"{at}.key_files", "nothing", "key_files, identities or workloads")
        if caller.identities and not (settings.server.tls and settings.server.tls.client_ca_file):
            yield Problem(
                f"{at}.identities", "identities without certificates", "only with server.tls.client_ca_file"
            )
        for issuer in caller.issuers or ():
            if issuer not in known:
                yield Problem(f"{at}.issuers", shown(issuer), "issuers that are configured")
    identities = (identity for caller in settings.callers for identity in caller.identities)
    yield from repeated("callers", "identities", identities)


def _issuers(settings: Settings) -> Iterator[Problem]:
    issuers = settings.issuers
    if not issuers:
        yield Problem("issuers", "nothing", "one or more, written [[issuers]]")
    yield from repeated("issuers", "issuer", (issuer.issuer for issuer in issuers))
    locals_ = [index for index, issuer in enumerate(issuers) if issuer.is_local]
    if len(locals_) > 1:
        yield Problem(f"issuers[{locals_[1]}].preset", "a second local issuer", "one")
    for index, issuer in enumerate(issuers):
        at = f"issuers[{index}]"
        yield from _local_issuer(settings, issuer, at) if issuer.is_local else _provider(issuer, at)
        if len(issuers) > 1 and issuer.claims.tenant and issuer.tenants is None and not issuer.is_local:
            yield Problem(
                f"{at}.tenants", "nothing, with several issuers", "the tenants that this issuer may name"
            )
        yield from _tenant_lifetimes(issuer, at)
        always = (*_ALWAYS_REQUIRED, issuer.claims.audience)
        missing = [claim for claim in always if claim not in issuer.required_claims]
        if missing:
            yield Problem(
                f"{at}.required_claims",
                f"a list without {', '.join(missing)}",
                f"a list with {', '.join(always)}",
            )


def _tenant_lifetimes(issuer: IssuerSettings, at: str) -> Iterator[Problem]:
    tables, at_tables = issuer.tenant_lifetimes, f"{at}.tenant_lifetimes"
    if len(tables) > _MAX_TENANT_LIFETIMES:
        yield Problem(at_tables, f"{len(tables)} tables", f"at most {_MAX_TENANT_LIFETIMES}")
    yield from repeated(at_tables, "tenant", (one.tenant for one in tables))
    if tables and not issuer.claims.tenant and not issuer.is_local:
        allowed = "the claim that names the tenant"
        yield Problem(f"{at}.claims.tenant", "nothing, with tenant_lifetimes", allowed)
    for index, one in enumerate(tables):
        if issuer.tenants is not None and one.tenant not in issuer.tenants:
            allowed = "one of the tenants that are accepted"
            yield Problem(f"{at_tables}[{index}].tenant", shown(one.tenant), allowed)
        if one.idle is None and one.absolute is None:
            yield Problem(f"{at_tables}[{index}].idle", "nothing, nor absolute", "one of them, or both")


def _local_issuer(settings: Settings, issuer: IssuerSettings, at: str) -> Iterator[Problem]:
    has_directory = settings.keys.directory or settings.store.is_embedded
    if not issuer.signing_key_files and not has_directory:
        allowed = "one file or more, or keys.directory, where the store is not embedded"
        yield Problem(f"{at}.signing_key_files", "nothing", allowed)
    for name in (
        "token_url",
        "revocation_url",
        "client_secret_file",
        "client_key_file",
        "clients",
        "refresh_ahead",
    ):
        if getattr(issuer, name):
            yield Problem(f"{at}.{name}", "a value", "nothing for the local issuer")


def _refresh_ahead(issuer: IssuerSettings, at: str) -> Iterator[Problem]:
    ahead, reused = issuer.refresh_ahead, issuer.reuse_access_token_above
    if ahead and not reused:
        allowed = "0s, or with reuse_access_token_above: else each refresh exchanges all the same"
        yield Problem(f"{at}.refresh_ahead", "a span, where no access token is handed out again", allowed)
    if ahead and reused >= ahead:
        allowed = "0s, or more than reuse_access_token_above"
        yield Problem(f"{at}.refresh_ahead", "as much as reuse_access_token_above, or less", allowed)


def _provider(issuer: IssuerSettings, at: str) -> Iterator[Problem]:
    yield from _refresh_ahead(issuer, at)
    if issuer.signing_key_files:
        yield Problem(f"{at}.signing_key_files", "a value", "only for the local issuer")
    if not issuer.jwks_url and not issuer.discovery:
        yield Problem(f"{at}.jwks_url", "nothing, and no discovery", "an address, or discovery = true")
    if issuer.token_url and not issuer.client_id:
        yield Problem(f"{at}.client_id", "nothing, with a token_url", "our client id at the issuer")
    yield from client_problems_of(issuer, at)
    yield from _rotation(issuer, at)
    addresses = ["jwks_url", "token_url", "revocation_url", *(["issuer"] if issuer.discovery else [])]
    for name in addresses:
        url = getattr(issuer, name)
        if url and not is_callable(url, allow_http=issuer.allow_http):
            yield Problem(f"{at}.{name}", shown(url), "an https address, or http to loopback with allow_http")


def _rotation(issuer: IssuerSettings, at: str) -> Iterator[Problem]:
    if issuer.rotation == ROTATING:
        return
    # What is never spent is in no doubt.
    for name, found, allowed in (
        ("rotation_grace", "more" if issuer.rotation_grace else "0s", "0s"),
        ("rotation_collateral", issuer.rotation_collateral, FAMILY),
        ("in_doubt", issuer.in_doubt, "retry"),
    ):
        if found != allowed:
            said = f"{shown(found)}, with rotation {shown(issuer.rotation)}, which spends nothing"
            yield Problem(f"{at}.{name}", said, shown(allowed))
