"""Settings are read strictly, and every mistake is told at once."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sessiond_server.app.issuers import to_policy
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_file, read_settings
from sessiond_server.config.reference import reference
from sessiond_server.config.settings import Settings, StoreSettings
from sessiond_server.domain.address import Address
from sessiond_server.domain.caller import Group
from sessiond_server.domain.rate import Rate

HERE = __file__
GOOD: dict[str, Any] = {
    "store": {"url": "embedded:/tmp/s"},
    "issuers": [{"issuer": "https://id.example", "audiences": ["api"]}],
}
SECRET = "hunter2-is-no-path"
KEYS = {"keys": {"pepper_files": [HERE], "sealing_files": [HERE]}}
TENANTS = {"claims": {"tenant": "org"}, "tenants": ["a", "b"]}


def one_of_many(number: int) -> dict[str, str]:
    return {"tenant": f"org_{number}", "idle": "1h"}


def read(
    *changes: dict[str, Any], environment: dict[str, str] | None = None, plaintext: bool = False
) -> Settings:
    document = dict(GOOD)
    for change in changes:
        document |= change
    return read_settings(document, environment=environment or {}, insecure_plaintext=plaintext)


def mistakes(
    *changes: dict[str, Any], environment: dict[str, str] | None = None, plaintext: bool = False
) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(*changes, environment=environment, plaintext=plaintext)
    return [problem.path for problem in refused.value.problems]


def test_the_least_that_is_needed() -> None:
    settings = read()
    assert settings.server.listen == Address("127.0.0.1", 50051)
    assert settings.sessions.grace == timedelta(seconds=10)
    assert settings.issuers[0].preset == "oidc"
    assert settings.anonymous == {Group.VALIDATE, Group.SESSION, Group.WATCH}


def test_six_mistakes_are_six_lines() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(
            {
                "server": {"lisen": "127.0.0.1:1", "http": "nowhere"},
                "sessions": {"grace": "2h"},
                "store": {"url": "mysql://db"},
                "callers": [{"name": "orders", "groups": ["validat"], "key_files": [HERE]}],
                "issuers": [{"issuer": "http://id.example", "audiences": ["api"]}],
            }
        )
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "server.lisen",
        "server.http",
        "sessions.grace",
        "callers[0].groups",
        "store.url",
        "issuers[0].issuer",
    ]
    assert lines[2] == 'sessions.grace: found "2h", allowed is a span from 0s to 60s, such as 10s or 30d'


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"servr": {}}, "servr"),
        ({"server": 7}, "server"),
        ({"server": {"socket_mode": "0999"}}, "server.socket_mode"),
        ({"server": {"socket_mode": 660}}, "server.socket_mode"),
        ({"server": {"reflection": "yes"}}, "server.reflection"),
        ({"server": {"max_token_bytes": 70_000}}, "server.max_token_bytes"),
        ({"server": {"max_token_bytes": True}}, "server.max_token_bytes"),
        ({"server": {"anonymous": ["validate", "validate"]}}, "server.anonymous"),
        ({"server": {"anonymous": "validate"}}, "server.anonymous"),
        ({"server": {"tls": 1}}, "server.tls"),
        ({"server": {"tls": {"cert_file": HERE}}}, "server.tls.key_file"),
        ({"server": {"tls": {"cert_file": HERE, "key_file": "/nowhere"}}}, "server.tls.key_file"),
        ({"server": {"http": "unix:/run/x.sock"}}, "server.http"),
        (
            {"server": {"listen": "unix:/run/x.sock", "tls": {"cert_file": HERE, "key_file": HERE}}},
            "server.tls",
        ),
        ({"server": {"listen": "0.0.0.0:1", "anonymous": []}}, "server.listen"),
        ({"server": {"http": "0.0.0.0:1"}}, "server.http"),
        ({"sessions": {"idle": "60d"}}, "sessions.idle"),
        ({"sessions": {"absolute": "7"}}, "sessions.absolute"),
        ({"sessions": {"absolute": 7}}, "sessions.absolute"),
        ({"revocation": {"poll": "1s"}}, "revocation.poll"),
        ({"revocation": {"heartbeat": "501ms"}}, "revocation.heartbeat"),
        ({"store": {}}, "store.url"),
        ({"store": {"url": "embedded:"}}, "store.url"),
        ({"store": {"url": "redis://h:x"}}, "store.url"),
        ({"store": {"url": "redis+sentinel://127.0.0.1"}}, "store.url"),
        ({"store": {"url": "redis+cluster://127.0.0.1/1"}}, "store.url"),
        (
            {"store": {"url": "redis://127.0.0.1", "sentinel_username": "x"}, **KEYS},
            "store.sentinel_username",
        ),
        ({"store": {"url": "redis+cluster://127.0.0.1", "ca_file": HERE}, **KEYS}, "store.ca_file"),
        ({"store": {"url": "embedded:x", "accept_risks": ["all"]}}, "store.accept_risks"),
        ({"store": {"url": "embedded:x", "password_file": "/nowhere"}}, "store.password_file"),
        ({"issuers": []}, "issuers"),
        ({"issuers": {}}, "issuers"),
        ({"issuers": [*GOOD["issuers"], *GOOD["issuers"]]}, "issuers"),
        ({"callers": [{"name": "a", "groups": []}]}, "callers[0].key_files"),
        ({"callers": [{"name": "anonymous", "groups": [], "key_files": [HERE]}]}, "callers[0].name"),
        ({"callers": [{"name": "a", "groups": [], "identities": ["spiffe://x/y"]}]}, "callers[0].identities"),
        (
            {"callers": [{"name": "a", "groups": [], "key_files": [HERE], "issuers": ["https://x"]}]},
            "callers[0].issuers",
        ),
        ({"callers": [{"name": "a", "groups": [], "key_files": [HERE]}] * 2}, "callers"),
    ],
)
def test_each_mistake_is_one_problem_with_its_path(change: dict[str, Any], path: str) -> None:
    assert mistakes(change) == [path]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"issuer": "ftp://id.example"}, "issuer"),
        ({"issuer": "https://user:secret@id.example"}, "issuer"),
        ({"issuer": "http://id.example", "allow_http": True}, "issuer"),
        ({"issuer": "https://[::1"}, "issuer"),
        ({"audiences": []}, "audiences"),
        ({"audiences": "api"}, "audiences"),
        ({"preset": "scalkit"}, "preset"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"token_types": ["JWT"]}, "token_types"),
        ({"required_claims": ["exp", "iss", "aud"]}, "required_claims"),
        ({"required_claims": ["exp", "iss", "sub"]}, "required_claims"),
        (
            {"claims": {"audience": "client_id"}, "required_claims": ["exp", "iss", "sub", "aud"]},
            "required_claims",
        ),
        ({"discovery": False}, "jwks_url"),
        ({"jwks_url": "http://id.example/keys"}, "jwks_url"),
        ({"token_url": "https://id.example/token"}, "client_id"),
        ({"client_secret_file": HERE}, "client_id"),
        ({"client_key_file": HERE}, "client_id"),
        ({"client_id": "a", "client_key_file": HERE, "client_secret_file": HERE}, "client_key_file"),
        ({"client_id": "a", "client_key_id": "k"}, "client_key_id"),
        ({"client_id": "a", "client_secret_file": HERE, "client_key_id": "k"}, "client_key_id"),
        ({"client_key_algorithm": "HS256"}, "client_key_algorithm"),
        ({"client_key_audience": "tokenendpoint"}, "client_key_audience"),
        (
            {"client_id": "a", "clients": [{"client_id": "b", "client_key_id": "k"}]},
            "clients[0].client_key_id",
        ),
        ({"clients": [{"client_id": "a"}]}, "client_id"),
        ({"client_id": "a", "clients": ["b"]}, "clients"),
        ({"client_id": "a", "clients": {"client_id": "b"}}, "clients"),
        ({"client_id": "a", "clients": [{}]}, "clients[0].client_id"),
        ({"client_id": "a", "clients": [{"client_id": "a"}]}, "clients"),
        ({"client_id": "a", "clients": [{"client_id": "b"}] * 2}, "clients"),
        ({"client_id": "a", "clients": [{"client_id": "b", "secret": SECRET}]}, "clients[0].secret"),
        (
            {"client_id": "a", "clients": [{"client_id": "b", "client_secret_file": "/nowhere"}]},
            "clients[0].client_secret_file",
        ),
        ({"tenant_lifetimes": [{"tenant": "a", "idle": "1h"}]}, "claims.tenant"),
        ({**TENANTS, "tenant_lifetimes": {}}, "tenant_lifetimes"),
        ({**TENANTS, "tenant_lifetimes": [{"idle": "1h"}]}, "tenant_lifetimes[0].tenant"),
        ({**TENANTS, "tenant_lifetimes": [{"tenant": "a"}]}, "tenant_lifetimes[0].idle"),
        ({**TENANTS, "tenant_lifetimes": [{"tenant": "a", "idle": "1s"}]}, "tenant_lifetimes[0].idle"),
        ({**TENANTS, "tenant_lifetimes": [{"tenant": "c", "idle": "1h"}]}, "tenant_lifetimes[0].tenant"),
        ({**TENANTS, "tenant_lifetimes": [{"tenant": "a", "idle": "1h"}] * 2}, "tenant_lifetimes"),
        (
            {**TENANTS, "tenant_lifetimes": [{"tenant": "a", "idle": "1h", "grace": "1s"}]},
            "tenant_lifetimes[0].grace",
        ),
        (
            {"claims": {"tenant": "org"}, "tenant_lifetimes": [one_of_many(at) for at in range(1001)]},
            "tenant_lifetimes",
        ),
        ({"refresh_ahead": "60s"}, "refresh_ahead"),
        ({"refresh_ahead": "90s", "reuse_access_token_above": "0s"}, "refresh_ahead"),
        ({"refresh_ahead": "2h"}, "refresh_ahead"),
        ({"signing_key_files": [HERE]}, "signing_key_files"),
        ({"allowed_networks": ["10.0.0.1/8"]}, "allowed_networks"),
        ({"claims": {"tennant": "org"}}, "claims.tennant"),
        ({"claims": {"tenant": "/a/~2"}}, "claims.tenant"),
        ({"claims": {"roles": ["/a~"]}}, "claims.roles"),
        ({"in_doubt": "guess"}, "in_doubt"),
        ({"rotation": "never"}, "rotation"),
        ({"rotation_grace": "6m"}, "rotation_grace"),
        ({"rotation_collateral": "all"}, "rotation_collateral"),
        ({"rotation": "static", "in_doubt": "end"}, "in_doubt"),
        ({"rotation": "renewing", "rotation_grace": "1s"}, "rotation_grace"),
        ({"rotation": "static", "rotation_collateral": "more"}, "rotation_collateral"),
        ({"client_secret": SECRET}, "client_secret"),
        ({"leeway": "10m"}, "leeway"),
    ],
)
def test_each_mistake_of_an_issuer_is_named(change: dict[str, Any], path: str) -> None:
    assert mistakes({"issuers": [{**GOOD["issuers"][0], **change}]}) == [f"issuers[0].{path}"]


def test_ed25519_has_the_name_that_everybody_gives_it_too() -> None:
    """RFC8037-3.1, RFC9864-2.2: both names in one list are no mistake."""
    for names in (["EdDSA"], ["Ed25519"], ["EdDSA", "Ed25519"]):
        settings = read({"issuers": [{**GOOD["issuers"][0], "algorithms": names}]})
        assert to_policy(settings.issuers[0], frozenset(names)).algorithms == {"Ed25519"}


def test_plain_http_is_for_loopback_alone() -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert read({"issuers": [{"issuer": f"http://{host}:8080", "audiences": ["a"], "allow_http": True}]})
        assert mistakes({"issuers": [{"issuer": f"http://{host}:8080", "audiences": ["a"]}]}) == [
            "issuers[0].issuer"
        ]


def test_a_value_that_could_be_a_secret_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(
            {"store": {"url": f"redis://:{SECRET}@localhost"}},
            {"issuers": [{**GOOD["issuers"][0], "client_secret": SECRET}]},
        )
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://db.example",
        "redis://10.0.0.1:6379/0",
        "redis+sentinel://127.0.0.1,10.0.0.1/sessions",
        "redis+cluster://10.0.0.1,10.0.0.2",
    ],
)
def test_plaintext_to_a_store_elsewhere_must_be_allowed(url: str) -> None:
    keys = {"keys": {"pepper_files": [HERE], "sealing_files": [HERE]}}
    assert mistakes({"store": {"url": url}}, keys) == ["store.url"]
    assert read({"store": {"url": url, "allow_plaintext": True}}, keys)


@pytest.mark.parametrize("url", ["redis://127.0.0.1", "rediss://db.example:6380/1", "unix:///run/redis.sock"])
def test_a_store_of_ones_own_needs_keys(url: str) -> None:
    assert mistakes({"store": {"url": url}}) == ["keys.pepper_files", "keys.sealing_files"]
    assert read({"store": {"url": url}, "keys": {"pepper_files": [HERE], "sealing_files": [HERE]}})


def test_replicas_are_waited_for_where_the_store_has_some() -> None:
    keys = {"keys": {"pepper_files": [HERE], "sealing_files": [HERE]}}

    def store(**settings: Any) -> dict[str, Any]:
        return {"store": {"url": "redis://127.0.0.1", **settings}}

    for settings, replicas in [
        ({}, 0),
        ({"durability": "local", "replicas": 2}, 0),
        ({"durability": "replicated"}, 1),
        ({"durability": "all", "replicas": 2}, 2),
    ]:
        assert read(store(**settings), keys).store.acknowledging_replicas == replicas
    assert mistakes(store(durability="all"), keys) == ["store.replicas"]
    assert mistakes(store(durability="some"), keys) == ["store.durability"]
    assert mistakes({"store": {"url": "embedded:d", "durability": "replicated"}}) == ["store.durability"]


@pytest.mark.parametrize(
    ("url", "replicas", "partitions"),
    [
        ("redis://127.0.0.1", 0, 1),
        ("unix:///x", 0, 1),
        ("redis+sentinel://127.0.0.1/sessions", 1, 1),
        ("rediss+sentinel://db.example/sessions", 1, 1),
        ("redis+cluster://127.0.0.1", 1, 16),
        ("rediss+cluster://db.example", 1, 16),
    ],
)
def test_a_store_that_fails_over_has_other_defaults(url: str, replicas: int, partitions: int) -> None:
    store = read({"store": {"url": url}, **KEYS}).store
    assert (store.acknowledging_replicas, store.number_of_partitions) == (replicas, partitions)
    chosen = {"durability": "local", "partitions": 4}
    store = read({"store": {"url": url, **chosen}, **KEYS}).store
    assert (store.acknowledging_replicas, store.number_of_partitions) == (0, 4)


def test_listening_elsewhere_needs_tls_and_callers() -> None:
    everywhere = {"server": {"listen": "0.0.0.0:1"}}
    caller = {"callers": [{"name": "a", "groups": ["validate"], "key_files": [HERE]}]}
    tls = {"server": {"listen": "0.0.0.0:1", "tls": {"cert_file": HERE, "key_file": HERE}}}
    assert mistakes(everywhere) == ["server.listen", "server.anonymous"]
    assert mistakes(everywhere, caller) == ["server.listen"]
    assert mistakes(tls) == ["server.anonymous"]
    assert read(tls, caller).anonymous == frozenset()
    assert read(everywhere, caller, plaintext=True)
    assert read(caller).anonymous == frozenset()
    assert read(caller, {"server": {"anonymous": ["validate"]}}).anonymous == {Group.VALIDATE}
    assert read(
        {"server": {**everywhere["server"], "anonymous": ["validate"]}}, plaintext=True
    ).anonymous == {Group.VALIDATE}


def test_http_elsewhere_is_plaintext_whatever_the_calls_have() -> None:
    caller = {"callers": [{"name": "a", "groups": ["validate"], "key_files": [HERE]}]}
    tls = {"listen": "0.0.0.0:1", "tls": {"cert_file": HERE, "key_file": HERE}}
    for server in (tls, {"listen": "unix:/run/x.sock"}, {}):
        assert mistakes({"server": {**server, "http": "[::]:1"}}, caller) == ["server.http"]
        assert read({"server": {**server, "http": "[::]:1"}}, caller, plaintext=True)
    assert mistakes(environment={"SESSIOND_SERVER_HTTP": "0.0.0.0:1"}) == ["server.http"]


def test_the_environment_stands_above_the_file() -> None:
    environment = {
        "SESSIOND_SERVER_LISTEN": "127.0.0.1:7",
        "SESSIOND_SERVER_REFLECTION": "true",
        "SESSIOND_SERVER_MAX_TOKEN_BYTES": "4096",
        "SESSIOND_SERVER_ANONYMOUS": "validate, read",
        "SESSIOND_STORE_ACCEPT_RISKS": "eviction",
        "SESSIOND_SERVICE_HOST": "10.0.0.1",
    }
    settings = read({"server": {"listen": "127.0.0.1:6"}}, environment=environment)
    assert settings.server.listen.port == 7
    assert settings.server.reflection
    assert settings.server.max_token_bytes == 4096
    assert settings.server.anonymous == (Group.VALIDATE, Group.READ)
    assert settings.store.accept_risks == ("eviction",)
    assert mistakes(environment={"SESSIOND_SERVER_REFLECTION": "yes"}) == ["server.reflection"]


def test_several_issuers_must_say_whose_tenants_they_name() -> None:
    one = {"issuer": "https://a.example", "preset": "scalekit", "client_id": "skc_1", "audiences": ["skc_1"]}
    assert read({"issuers": [one]})
    assert mistakes({"issuers": [one, *GOOD["issuers"]]}) == ["issuers[0].tenants"]
    assert read({"issuers": [{**one, "tenants": ["org_1"]}, *GOOD["issuers"]]})


def test_scalekit_is_known_by_its_environment() -> None:
    environment = {"SCALEKIT_ENVIRONMENT_URL": "https://acme.scalekit.com", "SCALEKIT_CLIENT_ID": "skc_1"}
    (issuer,) = read({"issuers": [{"preset": "scalekit"}]}, environment=environment).issuers
    assert issuer.issuer == "https://acme.scalekit.com"
    assert issuer.jwks_url == "https://acme.scalekit.com/keys"
    assert issuer.token_url == "https://acme.scalekit.com/oauth/token"
    assert (issuer.client_id, issuer.audiences, issuer.algorithms) == ("skc_1", ("skc_1",), ("RS256",))
    assert (issuer.claims.tenant, issuer.claims.scopes) == ("oid", ("scope", "scopes"))


def test_a_key_overrides_its_preset() -> None:
    table = {"preset": "scalekit", "issuer": "https://a", "audiences": ["b"], "claims": {"scopes": ["scp"]}}
    (issuer,) = read({"issuers": [table]}).issuers
    assert (issuer.claims.tenant, issuer.claims.scopes) == ("oid", ("scp",))


def test_one_local_issuer() -> None:
    local = {"preset": "local", "audiences": ["a"]}
    assert read({"issuers": [{"issuer": "https://a", **local}]}).issuers[0].leeway == timedelta(0)
    two = {"issuers": [{"issuer": "https://a", **local}, {"issuer": "https://b", **local}]}
    assert mistakes(two) == ["issuers[1].preset"]
    elsewhere = {"store": {"url": "unix:///x"}, "keys": {"pepper_files": [HERE], "sealing_files": [HERE]}}
    assert mistakes({"issuers": [{"issuer": "https://a", **local}]}, elsewhere) == [
        "issuers[0].signing_key_files"
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'[store]\nurl = "embedded:x\n', "no TOML (line 2)"),
        (b"\xff", "bytes that are not UTF-8"),
        (b'[store]\nurl = ""\n', 'store.url: found ""'),
    ],
)
def test_what_is_no_configuration_is_one_line(tmp_path: Path, content: bytes, found: str) -> None:
    file = tmp_path / "sessiond.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        read_file(file, environment={}, insecure_plaintext=False)
    assert found in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_file(tmp_path / "none.toml", environment={}, insecure_plaintext=False)


def test_the_reference_in_the_documentation_is_that_of_the_types() -> None:
    assert reference() in Path("docs/settings.md").read_text(), "run: make docs"


def server(kind: str) -> Any:
    documents = yaml.safe_load_all(Path("deploy/kubernetes/server.yaml").read_text())
    return next(document for document in documents if document["kind"] == kind)


def examples() -> dict[str, str]:
    """Every configuration that is shown somewhere."""
    shown = {path.name: path.read_text() for path in Path("deploy/examples").glob("*.toml")}
    shown["server.yaml"] = server("ConfigMap")["data"]["sessiond.toml"]
    shown["README.md"] = re.findall(r"```toml\n(.*?)```", Path("README.md").read_text(), re.DOTALL)[0]
    return shown


def commands() -> dict[str, list[str]]:
    """How those are started that are not started as the image does it."""
    compose = yaml.safe_load(Path("compose.yaml").read_text())["services"]["sessiond"]["command"]
    (container,) = server("Deployment")["spec"]["template"]["spec"]["containers"]
    return {"compose.toml": compose, "server.yaml": container["args"]}


@pytest.mark.parametrize("name", examples())
def test_the_examples_are_right(name: str, tmp_path: Path) -> None:
    text = examples()[name]
    for path in re.findall(r'"(/run/secrets/[^"]+)"', text):
        file = tmp_path / Path(path).name
        file.write_text("x")
        text = text.replace(f'"{path}"', f'"{file}"')
    config = tmp_path / "sessiond.toml"
    config.write_text(text)
    config.chmod(0o600)
    plaintext = "--insecure-plaintext" in commands().get(name, [])
    assert read_file(config, environment={}, insecure_plaintext=plaintext).issuers


@pytest.mark.parametrize(
    ("url", "said", "refuses"),
    [
        ("embedded:/d", None, False),
        ("embedded:/d", "refuse_older", True),
        ("redis://127.0.0.1", None, True),
        ("redis://127.0.0.1", "accept", False),
    ],
)
def test_tokens_from_before_a_new_store_are_refused_unless_it_is_embedded(
    url: str, said: str | None, *, refuses: bool
) -> None:
    assert StoreSettings(url=url, on_store_loss=said).refuses_older is refuses


@pytest.mark.parametrize(
    ("limit", "path"),
    [
        ({"on": ["refresh"], "per": "session", "rate": "0/m"}, "limits[0].rate"),
        ({"on": ["refresh"], "per": "session", "rate": "1/d"}, "limits[0].rate"),
        ({"on": ["refresh"], "per": "session", "rate": "1000001/s"}, "limits[0].rate"),
        ({"on": ["refresh"], "per": "session", "rate": "1/s", "burst": 0}, "limits[0].burst"),
        ({"on": [], "per": "session", "rate": "1/s"}, "limits[0].on"),
        ({"on": ["refresh"], "rate": "1/s"}, "limits[0].per"),
        ({"on": ["refresh"], "per": "session"}, "limits[0].rate"),
        ({"on": ["login"], "per": "session", "rate": "1/s"}, "limits[0].on"),
        ({"on": ["create"], "per": "session", "rate": "1/s"}, "limits[0].per"),
        ({"on": ["create", "refresh"], "per": "subject", "rate": "1/s"}, "limits[0].per"),
        ({"on": ["failed_validation"], "per": "source", "rate": "1/s"}, "limits[0].per"),
    ],
)
def test_a_limit_that_could_not_be_kept_is_a_mistake(limit: dict[str, Any], path: str) -> None:
    assert mistakes({"limits": [limit]}) == [path]


def test_a_cluster_has_no_stream_of_audit_events() -> None:
    audit = {"stream": "audit"}
    keys = {"pepper_files": [HERE], "sealing_files": [HERE]}
    for url, paths in (("redis+cluster://127.0.0.1", ["audit.stream"]), ("redis+sentinel://127.0.0.1/m", [])):
        document = {"store": {"url": url}, "keys": keys, "audit": audit}
        assert (mistakes(document) if paths else read(document) and []) == paths


def test_a_limit_lets_as_many_come_at_once_as_its_rate_says() -> None:
    limit = {"on": ["create", "refresh"], "per": "source", "rate": "30/m"}
    (found,) = read({"limits": [limit]}).limits
    assert found.to_rate() == Rate(30, 60, burst=30)


def test_there_are_no_more_limits_than_each_call_can_ask_about() -> None:
    limit = {"on": ["create"], "per": "caller", "rate": "1/s"}
    assert mistakes({"limits": [limit] * 33}) == ["limits"]


def test_several_processes_need_a_port_and_a_store_that_they_can_share() -> None:
    shared = {"store": {"url": "redis://127.0.0.1"}, **KEYS}
    many = {"workers": 4}
    assert read(shared, {"server": many}).server.workers == 4
    assert mistakes(shared, {"server": {**many, "listen": "unix:/run/s.sock"}}) == ["server.workers"]
    assert mistakes({"server": many}) == ["server.workers"]
    assert mistakes({"server": {"workers": 0}}) == ["server.workers"]
    assert read({"server": {"workers": 1, "listen": "unix:/run/s.sock"}}).server.workers == 1
