"""`sessiond dev` has no file: the environment stands above its defaults, the command line above both."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sessiond_server.config.dev import DEV_ISSUER, data_directory, default_data_directory, dev_settings
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import SECTIONS, Settings
from sessiond_server.domain.address import Address
from sessiond_server.domain.caller import Group
from tests.support.config import key_file

LISTEN, HTTP, DATA = Address("127.0.0.1", 1), Address("127.0.0.1", 2), Path("/var/tmp/my data")
# By section and key: what the environment says, and what comes of it. The rest is the command line's, or a
# store's that is not embedded.
SET: dict[tuple[str, str], tuple[str, Any]] = {
    ("server", "socket_mode"): ("0600", 0o600),
    ("server", "anonymous"): ("validate", (Group.VALIDATE,)),
    ("server", "reflection"): ("false", False),
    ("server", "max_token_bytes"): ("4096", 4096),
    ("server", "token_cache_bytes"): ("2097152", 2 << 20),
    ("server", "drain_delay"): ("3s", timedelta(seconds=3)),
    ("server", "drain_grace"): ("4s", timedelta(seconds=4)),
    ("sessions", "grace"): ("0s", timedelta(0)),
    ("sessions", "grace_pause"): ("30s", timedelta(seconds=30)),
    ("sessions", "idle"): ("2m", timedelta(minutes=2)),
    ("sessions", "absolute"): ("3m", timedelta(minutes=3)),
    ("sessions", "access_lifetime"): ("11s", timedelta(seconds=11)),
    ("sessions", "max_per_subject"): ("2", 2),
    ("sessions", "eviction"): ("deny", "deny"),
    ("store", "partitions"): ("3", 3),
    ("store", "accept_risks"): ("eviction", ("eviction",)),
    ("store", "failover"): ("never", "never"),
    ("store", "on_store_loss"): ("refuse_older", "refuse_older"),
    ("revocation", "poll"): ("20ms", timedelta(milliseconds=20)),
    ("revocation", "max_staleness"): ("2s", timedelta(seconds=2)),
    ("revocation", "on_stale"): ("accept_what_may_be_revoked", "accept_what_may_be_revoked"),
    ("revocation", "heartbeat"): ("100ms", timedelta(milliseconds=100)),
    ("revocation", "max_watchers"): ("7", 7),
    ("revocation", "max_watchers_of_a_caller"): ("3", 3),
    ("revocation", "watched_cache"): ("30s", timedelta(seconds=30)),
    ("revocation", "max_entries"): ("1000", 1000),
    ("log", "level"): ("warning", "warning"),
    ("log", "calls"): ("refused", "refused"),
    ("audit", "file"): ("/var/tmp/audit.log", Path("/var/tmp/audit.log")),
    ("audit", "stream"): ("audit", "audit"),
    ("audit", "stream_entries"): ("1000", 1000),
}
ELSEWHERE = {
    ("server", "listen"),
    ("server", "http"),
    ("server", "workers"),
    ("store", "url"),
    ("store", "username"),
    ("store", "password_file"),
    ("store", "sentinel_username"),
    ("store", "sentinel_password_file"),
    ("store", "ca_file"),
    ("store", "cert_file"),
    ("store", "key_file"),
    ("store", "allow_plaintext"),
    ("store", "durability"),
    ("store", "replicas"),
    ("store", "failover"),
    ("keys", "directory"),
    ("keys", "pepper_files"),
    ("keys", "sealing_files"),
}


def dev(environment: dict[str, str], **more: Any) -> Settings:
    return dev_settings(listen=LISTEN, http=HTTP, data=DATA, environment=environment, **more)


def test_without_an_environment_every_method_is_open_to_local_callers() -> None:
    settings = dev({})
    assert settings.anonymous == frozenset(Group)
    assert (settings.server.listen, settings.server.http) == (LISTEN, HTTP)
    assert (settings.server.reflection, settings.server.drain_delay) == (True, timedelta(0))
    assert settings.store.url == f"embedded:{DATA}"
    assert settings.store.on_store_loss == "accept"
    (issuer,) = settings.issuers
    assert (issuer.issuer, issuer.claims.tenant, issuer.leeway) == (DEV_ISSUER, "tenant_id", timedelta(0))


def test_the_environment_sets_every_setting_that_dev_has() -> None:
    environment = {f"SESSIOND_{section}_{key}".upper(): text for (section, key), (text, _) in SET.items()}
    settings = dev(environment)
    for (section, key), (_, value) in SET.items():
        assert getattr(getattr(settings, section), key) == value, key


def test_no_setting_is_left_out_here() -> None:
    every = {
        (section, field.name)
        for section, cls in SECTIONS.items()
        for field in dataclasses.fields(cls)
        if "setting" in field.metadata
    }
    assert every == set(SET) | ELSEWHERE


def test_keys_of_ones_own(tmp_path: Path) -> None:
    key_file(tmp_path / "pepper")
    settings = dev({"SESSIOND_KEYS_PEPPER_FILES": str(tmp_path / "pepper")})
    assert settings.keys.pepper_files == (tmp_path / "pepper",)


def test_the_command_line_stands_above_the_environment() -> None:
    settings = dev(
        {
            "SESSIOND_SERVER_LISTEN": "0.0.0.0:7",
            "SESSIOND_SERVER_HTTP": "0.0.0.0:8",
            "SESSIOND_STORE_URL": "redis://db.example",
        }
    )
    assert (settings.server.listen, settings.server.http) == (LISTEN, HTTP)
    assert settings.store.url == f"embedded:{DATA}"


def test_a_mistake_in_the_environment_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r'sessions\.grace: found "2h"'):
        dev({"SESSIOND_SESSIONS_GRACE": "2h"})


def test_an_embedded_store_is_for_one_process() -> None:
    with pytest.raises(ConfigurationError, match=r"server\.workers: found 2, with an embedded store"):
        dev({"SESSIOND_SERVER_WORKERS": "2"})
    assert dev({"SESSIOND_SERVER_WORKERS": "1"}).server.workers == 1


def test_the_directory_may_come_from_the_environment() -> None:
    assert data_directory({}) == default_data_directory()
    assert data_directory({"SESSIOND_STORE_URL": "embedded:/x/y"}) == Path("/x/y")


@pytest.mark.parametrize("url", ["redis://:s3cr3t@db.example", "unix:///run/redis.sock", "embedded:"])
def test_a_store_that_others_use_is_not_opened_to_every_local_caller(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"store\.url") as refused:
        data_directory({"SESSIOND_STORE_URL": url})
    assert "s3cr3t" not in str(refused.value)
