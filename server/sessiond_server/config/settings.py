"""Everything that can be set, with its default and its meaning.

The table in docs/settings.md is made from this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from sessiond_server.config.addresses import GRPC_ADDRESS, HTTP_ADDRESS
from sessiond_server.config.client_settings import (
    AUDIENCE,
    FAMILY,
    KEY_ALGORITHM_MEANING,
    KEY_FILE_MEANING,
    KEY_ID_MEANING,
    MORE,
    RENEWING,
    ROTATING,
    SIGNATURE,
    STATIC,
    ClientSettings,
)
from sessiond_server.config.kinds import (
    ADDRESS,
    CLAIM,
    CLAIMS,
    GROUPS,
    MODE,
    NETWORK,
    STORE_URL,
    STREAM,
    SWITCH,
    TEXT,
    TEXTS,
    many,
    one_of,
    setting,
    span,
    whole,
    words,
)
from sessiond_server.config.limit_settings import LimitSettings
from sessiond_server.config.path_kinds import DIRECTORY, FILE, FILES, NEW_FILE
from sessiond_server.config.presets import PRESETS
from sessiond_server.config.tenant_settings import TenantLifetimeSettings
from sessiond_server.config.workload_settings import WorkloadIssuerSettings
from sessiond_server.domain.address import Address
from sessiond_server.domain.caller import Group
from sessiond_server.domain.client_authentication import AssertionAudience
from sessiond_server.domain.policy import EDDSA, REQUIRED_CLAIMS, SIGNATURE_ALGORITHMS
from sessiond_server.domain.store_url import StoreKind, StoreUrl

TOKEN_TYPES: Final = ("at+jwt", "jwt", "absent")
ACCEPT_STALE: Final = "accept_what_may_be_revoked"
RISKS: Final = ("eviction", "no_persistence")
EMBEDDED: Final = "embedded:"
LOCAL: Final = "local"
REPLICATED: Final = "replicated"
ALL: Final = "all"
_PARTITIONS_OF_A_CLUSTER: Final = 16
MAX_WORKERS: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsSettings:
    """How the gRPC port proves who it is, and whose certificates it wants.

    The files are read again when they change.
    """

    cert_file: Path = setting(FILE, "certificate chain, PEM")
    key_file: Path = setting(FILE, "its private key, PEM")
    client_ca_file: Path | None = setting(
        FILE, "callers must present a certificate of these authorities, PEM", default=None
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """The ports."""

    listen: Address = setting(ADDRESS, "where gRPC is served", default=GRPC_ADDRESS)
    http: Address = setting(
        ADDRESS,
        "where key set, metrics and health are served, without TLS; beyond loopback only with "
        "`--insecure-plaintext`",
        default=HTTP_ADDRESS,
    )
    socket_mode: int = setting(MODE, "mode of a Unix socket", default=0o660)
    anonymous: tuple[Group, ...] | None = setting(
        GROUPS,
        "what callers without a key may do; unset: validate, session and watch on loopback and Unix "
        "sockets where no callers are configured, nothing elsewhere",
        default=None,
    )
    reflection: bool = setting(SWITCH, "whether anyone may list the methods", default=False)
    max_token_bytes: int = setting(whole(256, 65_536), "longest access token that is looked at", default=8192)
    token_cache_bytes: int = setting(whole(1 << 20, 1 << 34), "memory for verified tokens", default=64 << 20)
    drain_delay: timedelta = setting(
        span("0s", "5m"),
        "how long calls are still taken after SIGTERM, for load balancers to notice",
        default=timedelta(seconds=5),
    )
    drain_grace: timedelta = setting(
        span("0s", "5m"), "how long calls in flight may take then", default=timedelta(seconds=10)
    )
    workers: int = setting(
        whole(1, MAX_WORKERS),
        "how many processes take calls at `listen`, with one HTTP port over all of them; 1 on a Unix socket "
        "and with an embedded store",
        default=1,
    )
    tls: TlsSettings | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionSettings:
    """What holds for sessions where an issuer says nothing else."""

    grace: timedelta = setting(
        span("0s", "60s"),
        "how long a spent refresh token answers with the same successor",
        default=timedelta(seconds=10),
    )
    grace_pause: timedelta = setting(
        span("0s", "1h"),
        "by how much outages of the store that begin within the grace may prolong it, in all",
        default=timedelta(minutes=5),
    )
    idle: timedelta = setting(
        span("1m", "365d"), "longest time between two refreshes", default=timedelta(days=7)
    )
    absolute: timedelta = setting(
        span("1m", "3650d"), "longest life of a session", default=timedelta(days=30)
    )
    access_lifetime: timedelta = setting(
        span("10s", "24h"), "life of the local issuer's access tokens", default=timedelta(minutes=5)
    )
    max_per_subject: int = setting(
        whole(1, 1000), "sessions of one subject; what happens beyond them, `eviction` says", default=100
    )
    eviction: str = setting(
        one_of("oldest", "least_recent", "deny"),
        "what makes room for a session beyond `max_per_subject`: the oldest one ends, or the one that was "
        "refreshed, or opened, longest ago; or none, and the login is refused",
        default="oldest",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSettings:
    """Redis or Valkey."""

    url: str = setting(
        STORE_URL,
        "`redis://HOST:PORT/DATABASE`, `redis+sentinel://HOST:PORT,HOST:PORT/NAME` or "
        "`redis+cluster://HOST:PORT,HOST:PORT`, with TLS as `rediss`; `unix:///PATH`; or `embedded:DIR` for "
        "one machine",
    )
    username: str | None = setting(TEXT, "the store's user", default=None)
    password_file: Path | None = setting(FILE, "the user's password", default=None)
    sentinel_username: str | None = setting(TEXT, "the sentinels' user, where they have one", default=None)
    sentinel_password_file: Path | None = setting(FILE, "that user's password", default=None)
    ca_file: Path | None = setting(FILE, "authorities of the store's certificate (rediss)", default=None)
    cert_file: Path | None = setting(FILE, "our certificate for the store (rediss)", default=None)
    key_file: Path | None = setting(FILE, "its private key", default=None)
    allow_plaintext: bool = setting(SWITCH, "allow a store beyond loopback without TLS", default=False)
    partitions: int | None = setting(
        whole(1, 64),
        "into how many parts what is kept is divided, each with its log of revocations; it stays as it was "
        "at the first start; unset: 16 in a cluster, otherwise 1",
        default=None,
    )
    durability: str | None = setting(
        one_of(LOCAL, REPLICATED, ALL),
        "where a write must have arrived before it is acknowledged: in the primary alone, in one replica, or "
        "in all of them; unset: replicated with sentinels and in a cluster, otherwise local",
        default=None,
    )
    replicas: int = setting(
        whole(0, 16), 'how many replicas the store has; required for durability "all"', default=0
    )
    failover: str = setting(
        one_of("auto", "never", "always"),
        "whether a replica may take the store's place, so that answers are given only while one acknowledges "
        "writes; auto: where the store has, or had, replicas, or `durability` is not local",
        default="auto",
    )
    on_store_loss: str | None = setting(
        one_of("refuse_older", "accept"),
        "tokens from before a store that is new, or was emptied while no server lived that knew its "
        "revocations; unset: refuse_older, but accept with an embedded store",
        default=None,
    )
    accept_risks: tuple[str, ...] = setting(
        words(RISKS), "faults of the store's settings to live with", default=()
    )

    @property
    def refuses_older(self) -> bool:
        """Whether tokens from before the store's beginning count as revoked."""
        default = "accept" if self.is_embedded else "refuse_older"
        return (self.on_store_loss or default) == "refuse_older"

    @property
    def is_embedded(self) -> bool:
        """Whether it is run here."""
        return self.url.startswith(EMBEDDED)

    @property
    def kind(self) -> StoreKind:
        """How its primary is found; the URL has been checked."""
        return StoreKind.NODE if self.is_embedded else StoreUrl.parse(self.url).kind

    @property
    def is_tls(self) -> bool:
        """Whether it is reached with TLS; the URL has been checked."""
        return not self.is_embedded and StoreUrl.parse(self.url).is_tls

    @property
    def number_of_partitions(self) -> int:
        """Into how many parts what is kept is divided."""
        return self.partitions or (_PARTITIONS_OF_A_CLUSTER if self.kind is StoreKind.CLUSTER else 1)

    @property
    def acknowledging_replicas(self) -> int:
        """How many replicas must have a write before it is acknowledged."""
        default = LOCAL if self.kind is StoreKind.NODE else REPLICATED
        return {LOCAL: 0, REPLICATED: 1, ALL: self.replicas}[self.durability or default]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeySettings:
    """Keys of ours, one in each file: base64 of 32 bytes or more; the newest comes first."""

    directory: Path | None = setting(
        DIRECTORY,
        "where the keys are that no list names, as `sessiond keys` makes and rotates them",
        default=None,
    )
    pepper_files: tuple[Path, ...] = setting(
        FILES, "what refresh tokens are made and recognised with", default=()
    )
    sealing_files: tuple[Path, ...] = setting(FILES, "what stored sessions are sealed with", default=())


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationSettings:
    """How revocations spread."""

    poll: timedelta = setting(
        span("10ms", "10s"), "how often the log is read", default=timedelta(milliseconds=100)
    )
    max_staleness: timedelta = setting(
        span("100ms", "60s"), "how long answers go on after the last good read", default=timedelta(seconds=1)
    )
    on_stale: str = setting(
        one_of("refuse", ACCEPT_STALE),
        "what becomes of tokens once the store has not answered for longer: they are not decided on, or "
        "accepted although they may have been revoked, and the answer says so",
        default="refuse",
    )
    heartbeat: timedelta = setting(
        span("10ms", "10s"),
        "how often a watcher is told how fresh what it knows is",
        default=timedelta(milliseconds=200),
    )
    max_watchers: int = setting(whole(0, 100_000), "watchers of revocations, in all", default=5000)
    max_watchers_of_a_caller: int = setting(
        whole(0, 100_000), "watchers of one caller; those without a key are one", default=1000
    )
    watched_cache: timedelta = setting(
        span("0s", "5m"),
        "how long a caller that watches revocations may repeat an acceptance: by then it sees what no event "
        "tells, such as another configuration",
        default=timedelta(seconds=60),
    )
    max_entries: int = setting(
        whole(1000, 200_000_000),
        "how many revocations the store keeps, of all partitions; beyond them nothing new is revoked",
        default=10_000_000,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class LogSettings:
    """What is logged, on standard error."""

    level: str = setting(
        one_of("info", "warning", "error"), "lines of less weight are left out", default="info"
    )
    calls: str = setting(
        one_of(ALL, "refused", "none"),
        "which calls have a line: refused are those that do not end with OK; whatever is left out is counted "
        "all the same",
        default=ALL,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditSettings:
    """Where is told what was done to sessions, and by whom ([audit.md](audit.md))."""

    file: Path | None = setting(
        NEW_FILE,
        "where events are appended, mode 0600, opened anew when it was renamed; unset: the log",
        default=None,
    )
    stream: str | None = setting(
        STREAM,
        "a stream of the store that has the events too, as JSON in the field `event`; not in a cluster",
        default=None,
    )
    stream_entries: int = setting(
        whole(1000, 100_000_000), "about how many events that stream keeps", default=100_000
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerSettings:
    """A backend that calls, known by a key, by its certificate, or by the token of its workload."""

    name: str = setting(TEXT, "its name in logs and metrics")
    groups: tuple[Group, ...] = setting(GROUPS, "what it may do")
    key_files: tuple[Path, ...] = setting(
        FILES, "its keys, any of which will do: base64 of 32 random bytes or more", default=()
    )
    identities: tuple[str, ...] = setting(
        TEXTS, "SPIFFE ids or other subject alternative names of its certificate", default=()
    )
    workloads: tuple[str, ...] = setting(
        TEXTS,
        "subjects of tokens of a workload issuer, to the letter: `system:serviceaccount:shop:orders`",
        default=(),
    )
    workload_issuers: tuple[str, ...] | None = setting(
        TEXTS, "whose subjects those are; unset: the one workload issuer's, where there is one", default=None
    )
    issuers: tuple[str, ...] | None = setting(
        TEXTS, "whose tokens and sessions it may handle; unset: all", default=None
    )
    client_ids: tuple[str, ...] | None = setting(
        TEXTS, "the clients whose sessions it may handle; unset: all", default=None
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimSettings:
    """The names under which an issuer sends the claims that RFC 9068 leaves open.

    A name that begins with a slash is a path into objects (RFC 6901).
    """

    audience: str = setting(CLAIM, "the audience", default="aud")
    token_id: str = setting(CLAIM, "the token's own id", default="jti")
    client: tuple[str, ...] = setting(
        many(CLAIM, least=1), "the client, the first that is there", default=("client_id", "azp")
    )
    tenant: str | None = setting(CLAIM, "the tenant", default=None)
    session: str | None = setting(CLAIM, "the provider's session", default="sid")
    scopes: tuple[str, ...] = setting(CLAIMS, "scopes: a string or an array", default=("scope",))
    permissions: tuple[str, ...] = setting(CLAIMS, "permissions: arrays", default=("permissions",))
    roles: tuple[str, ...] = setting(CLAIMS, "roles: arrays", default=("roles",))


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerSettings:
    """A trusted issuer.

    One with a `client_id` and a token endpoint can hold sessions; any other only validates.
    """

    issuer: str = setting(TEXT, "its `iss`, to the letter")
    preset: str = setting(
        one_of(*PRESETS), "what is known of such issuers; any key overrides", default="oidc"
    )
    audiences: tuple[str, ...] = setting(many(TEXT, least=1), "audiences accepted where a request names none")
    client_id: str | None = setting(
        TEXT,
        "our client id there, which redeems codes; at the local issuer the default one of logins",
        default=None,
    )
    client_secret_file: Path | None = setting(
        FILE, "the client's secret; with no key either it is a public client", default=None
    )
    client_auth: str = setting(
        one_of("post", "basic"), "how the secret is sent (RFC 6749 §2.3.1)", default="post"
    )
    client_key_file: Path | None = setting(FILE, KEY_FILE_MEANING, default=None)
    client_key_id: str | None = setting(TEXT, KEY_ID_MEANING, default=None)
    client_key_algorithm: str | None = setting(SIGNATURE, KEY_ALGORITHM_MEANING, default=None)
    client_key_audience: str = setting(
        AUDIENCE,
        "whom what is signed with it is for: the issuer, its token endpoint, whichever endpoint is asked, or "
        "what is written here",
        default=AssertionAudience.ISSUER,
    )
    clients: tuple[ClientSettings, ...] = ()
    redirect_uris: tuple[str, ...] = setting(TEXTS, "where authorization codes may come from", default=())
    algorithms: tuple[str, ...] = setting(
        words(sorted({*SIGNATURE_ALGORITHMS, EDDSA}), least=1),
        "signature algorithms; `EdDSA` is `Ed25519`",
        default=("ES256", "Ed25519", "PS256", "RS256"),
    )
    discovery: bool = setting(SWITCH, "whether addresses that are not given are looked up", default=True)
    jwks_url: str | None = setting(
        TEXT, "the key set; the local issuer's: where others find it, by default below `issuer`", default=None
    )
    token_url: str | None = setting(TEXT, "the token endpoint", default=None)
    revocation_url: str | None = setting(TEXT, "the revocation endpoint (RFC 7009)", default=None)
    token_types: tuple[str, ...] = setting(
        words(TOKEN_TYPES, least=1),
        "accepted `typ`; beyond `at+jwt`, ID tokens are told by their claims",
        default=("at+jwt",),
    )
    required_claims: tuple[str, ...] = setting(
        many(CLAIM, least=1),
        "claims that must be there; `iss`, `sub`, `exp` and the audience always",
        default=REQUIRED_CLAIMS,
    )
    claims: ClaimSettings = field(default_factory=ClaimSettings)
    tenants: tuple[str, ...] | None = setting(TEXTS, "tenants that are accepted; unset: all", default=None)
    leeway: timedelta = setting(span("0s", "5m"), "granted on `exp`", default=timedelta(seconds=30))
    clock_skew: timedelta = setting(
        span("0s", "5m"),
        "how far its clock may be ahead of ours; the smallest one, at least 0.5s, holds for the store's too",
        default=timedelta(seconds=2),
    )
    max_token_lifetime: timedelta = setting(
        span("1m", "7d"), "longest life of an access token", default=timedelta(hours=24)
    )
    max_stale: timedelta = setting(
        span("1m", "7d"),
        "how long known keys serve while the issuer cannot be reached",
        default=timedelta(hours=12),
    )
    idle: timedelta | None = setting(span("1m", "365d"), "as in [sessions]", default=None)
    absolute: timedelta | None = setting(span("1m", "3650d"), "as in [sessions]", default=None)
    grace: timedelta | None = setting(span("0s", "60s"), "as in [sessions]", default=None)
    tenant_lifetimes: tuple[TenantLifetimeSettings, ...] = ()
    reuse_access_token_above: timedelta = setting(
        span("0s", "24h"),
        "a refresh hands out the known access token while more than this is left of it; 0s: always a new one",
        default=timedelta(seconds=60),
    )
    rotation: str = setting(
        one_of(ROTATING, RENEWING, STATIC),
        "what comes for a refresh token: another one, and this one is spent; another one beside it; or none, "
        "and this one stays",
        default=ROTATING,
    )
    rotation_grace: timedelta = setting(
        span("0s", "5m"),
        "how long it takes a refresh token that is spent again",
        default=timedelta(0),
    )
    rotation_collateral: str = setting(
        one_of(FAMILY, MORE),
        "what ends there if one is presented again behind that: what descends from its login, or more; where "
        "that may come to pass, the log tells of it",
        default=FAMILY,
    )
    refresh_ahead: timedelta = setting(
        span("0s", "1h"),
        "how long before its end the access token of a session in use is exchanged, so that the next refresh "
        "need not wait for the provider; it must be more than `reuse_access_token_above`; 0s: never",
        default=timedelta(0),
    )
    in_doubt: str = setting(
        one_of("retry", "end"),
        "what follows a refresh whose outcome is unknown: the refresh token is presented again until the "
        "answer is definite; or once more and within `rotation_grace`, and the session ends otherwise",
        default="retry",
    )
    adopt: bool = setting(
        SWITCH,
        "whether refresh tokens that it gave to others, for `client_id`, may be exchanged for sessions, by "
        "callers in group adopt",
        default=False,
    )
    allow_http: bool = setting(SWITCH, "allow plain http, to loopback only", default=False)
    allowed_networks: tuple[str, ...] = setting(
        many(NETWORK), "networks that are not public and may be called", default=()
    )
    signing_key_files: tuple[Path, ...] = setting(
        FILES, "the local issuer's private keys, PEM; the first signs, all are published", default=()
    )

    @property
    def is_local(self) -> bool:
        """Whether sessiond mints its tokens."""
        return self.preset == "local"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole configuration."""

    server: ServerSettings = field(default_factory=ServerSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    store: StoreSettings
    keys: KeySettings = field(default_factory=KeySettings)
    revocation: RevocationSettings = field(default_factory=RevocationSettings)
    log: LogSettings = field(default_factory=LogSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    callers: tuple[CallerSettings, ...] = ()
    workload_issuers: tuple[WorkloadIssuerSettings, ...] = ()
    issuers: tuple[IssuerSettings, ...] = ()
    limits: tuple[LimitSettings, ...] = ()

    def workload_issuers_of(self, caller: CallerSettings) -> tuple[str, ...]:
        """The issuers that name the workloads of a caller."""
        if caller.workload_issuers is None:
            return tuple(dict.fromkeys(one.issuer for one in self.workload_issuers))
        return caller.workload_issuers

    @property
    def anonymous(self) -> frozenset[Group]:
        """What callers without a key may do on this server's address."""
        if self.server.anonymous is not None:
            return frozenset(self.server.anonymous)
        # Whoever names callers wants to know who calls, on loopback too.
        is_for_anyone = self.server.listen.is_local and not self.callers
        return frozenset({Group.VALIDATE, Group.SESSION, Group.WATCH}) if is_for_anyone else frozenset()


# The tables of the file by their names; the lists among them are written as [[callers]] and [[issuers]].
SECTIONS: Final = {
    "server": ServerSettings,
    "sessions": SessionSettings,
    "store": StoreSettings,
    "keys": KeySettings,
    "revocation": RevocationSettings,
    "log": LogSettings,
    "audit": AuditSettings,
}
LISTS: Final = {
    "callers": CallerSettings,
    "workload_issuers": WorkloadIssuerSettings,
    "issuers": IssuerSettings,
    "limits": LimitSettings,
}
INNER: Final = {"tls": TlsSettings, "claims": ClaimSettings}
INNER_LISTS: Final = {"clients": ClientSettings, "tenant_lifetimes": TenantLifetimeSettings}
