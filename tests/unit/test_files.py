"""Files that are named by settings: who may have written them, what they may be, and what is said of them."""

from __future__ import annotations

import base64
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.secrets.key_files import KeyFileError, read_private_file
from sessiond_server.app.secrets import load_secrets
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_file, read_settings
from sessiond_server.domain.file_trust import distrust
from tests.support.config import Config, key_file
from tests.support.fakes import SilentLogger

if TYPE_CHECKING:
    from collections.abc import Callable

US = os.geteuid()
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF/AASC+BKcw==\n-----END PRIVATE KEY-----\n"
ISSUER: dict[str, Any] = {"issuer": "https://id.example", "audiences": ["api"], "client_id": "c"}


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def directory(path: Path) -> Path:
    path.mkdir()
    return path


ODD: dict[str, Callable[[Path], Path]] = {
    "pipe": pipe,
    "directory": directory,
    "device": lambda _: Path("/dev/zero"),
}


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444, 0o600, 0o640, 0o644])
@pytest.mark.parametrize("owner", [1000, 0])
def test_a_file_of_ours_or_roots_that_others_at_most_read_is_believed(mode: int, owner: int) -> None:
    assert distrust(stat.S_IFREG | mode, owner, user=1000) is None


@pytest.mark.parametrize(
    ("mode", "owner", "why"),
    [
        (stat.S_IFREG | 0o660, 1000, "has mode 0660"),
        (stat.S_IFREG | 0o602, 0, "has mode 0602"),
        (stat.S_IFREG | 0o400, 1001, "belongs to user 1001"),
        (stat.S_IFIFO | 0o600, 1000, "is no regular file"),
        (stat.S_IFDIR | 0o700, 1000, "is no regular file"),
        (stat.S_IFCHR | 0o600, 0, "is no regular file"),
    ],
)
def test_any_other_file_is_not(mode: int, owner: int, why: str) -> None:
    assert (distrust(mode, owner, user=1000) or "").startswith(why)


def faults_of(config: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_file(config, environment={}, insecure_plaintext=False)
    return str(refused.value)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_configuration_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    config = Config(tmp_path, issuers=[ISSUER]).write()
    config.chmod(mode)
    assert f"has mode {mode:04o}; group and others must not write to it" in faults_of(config)
    config.chmod(mode & ~0o022)
    assert read_file(config, environment={}, insecure_plaintext=False)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.timeout(5)
def test_what_is_no_file_is_no_configuration(tmp_path: Path, kind: str) -> None:
    path = ODD[kind](tmp_path / "odd")
    assert "is no regular file" in faults_of(path) or "Is a directory" in faults_of(path)


def test_a_configuration_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[ISSUER]).write()
    config.write_text(config.read_text() + "#" * (1 << 20))
    assert "has more than 1048576 bytes" in faults_of(config)


def test_the_files_of_a_kubernetes_volume_are_read_through_its_links(tmp_path: Path) -> None:
    generation = tmp_path / "..2026_11_26"
    generation.mkdir()
    config = Config(tmp_path, issuers=[ISSUER]).write()
    config.rename(generation / "sessiond.toml")
    (generation / "sessiond.toml").chmod(0o440)
    (tmp_path / "..data").symlink_to(generation.name)
    config.symlink_to("..data/sessiond.toml")
    tmp_path.chmod(0o1777)
    assert read_file(config, environment={}, insecure_plaintext=False)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.timeout(5)
def test_what_is_no_file_is_no_key(tmp_path: Path, kind: str) -> None:
    path = ODD[kind](tmp_path / "odd")
    with pytest.raises(KeyFileError, match=r"is no regular file|Is a directory"):
        read_private_file(path)
    said = mistakes({"issuers": [{**ISSUER, "client_secret_file": str(path)}]})
    assert said.startswith(f'issuers[0].client_secret_file: found "{path}"')


def test_a_key_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes((1 << 20) + 1))
    key.chmod(0o600)
    with pytest.raises(KeyFileError, match="has more than 1048576 bytes"):
        read_private_file(key)


@pytest.mark.parametrize(
    ("files", "path"), [(["ca_file"], "ca_file"), (["cert_file", "key_file"], "cert_file")]
)
def test_files_for_tls_that_hold_something_else_are_refused(
    tmp_path: Path, files: list[str], path: str
) -> None:
    config = Config(tmp_path, issuers=[ISSUER])
    for one in (*files, "pepper", "seal"):
        key_file(tmp_path / one)
    config.tables["store"] = {"url": "rediss+cluster://db.example"}
    config.tables["store"] |= {one: str(tmp_path / one) for one in files}
    config.tables["keys"] = {
        "pepper_files": [str(tmp_path / "pepper")],
        "sealing_files": [str(tmp_path / "seal")],
    }
    settings = read_file(config.write(), environment={}, insecure_plaintext=False)
    with pytest.raises(ConfigurationError) as refused:
        load_secrets(settings, directory=None, logger=SilentLogger())
    (problem,) = refused.value.problems
    assert (problem.path, problem.allowed) == (f"store.{path}", "a file that can be used")
    assert str(tmp_path / path) in problem.found


@pytest.mark.parametrize("name", ["ca_file", "cert_file", "key_file"])
def test_files_for_tls_to_the_store_are_not_to_be_written_by_others(tmp_path: Path, name: str) -> None:
    config = Config(tmp_path, issuers=[ISSUER])
    files = {one: tmp_path / one for one in ("ca_file", "cert_file", "key_file", "pepper", "seal")}
    for path in files.values():
        key_file(path)
    files[name].chmod(0o620)
    config.tables["store"] = {"url": "rediss://db.example"} | {
        one: str(files[one]) for one in ("ca_file", "cert_file", "key_file")
    }
    config.tables["keys"] = {
        "pepper_files": [str(files["pepper"])],
        "sealing_files": [str(files["seal"])],
    }
    settings = read_file(config.write(), environment={}, insecure_plaintext=False)
    with pytest.raises(ConfigurationError) as refused:
        load_secrets(settings, directory=None, logger=SilentLogger())
    (problem,) = refused.value.problems
    assert (problem.path, "has mode 0620" in problem.found) == (f"store.{name}", True)


def mistakes(change: dict[str, Any], environment: dict[str, str] | None = None) -> str:
    document = {"store": {"url": "embedded:/tmp/s"}, "issuers": [ISSUER], **change}
    with pytest.raises(ConfigurationError) as refused:
        read_settings(document, environment=environment or {}, insecure_plaintext=False)
    return str(refused.value)


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2-is-no-path",
        "/" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "../" + secrets.token_hex(16),
        PEM,
        PEM * 20,
        "hunter2\0",
    ],
    ids=["word", "base64", "relative", "PEM", "long", "zero"],
)
def test_a_secret_in_the_place_of_a_path_is_not_repeated(secret: str) -> None:
    said = [
        mistakes({"issuers": [{**ISSUER, "client_secret_file": secret}]}),
        mistakes({"store": {"url": "rediss://db.example", "ca_file": secret, "password_file": secret}}),
        mistakes({"keys": {"pepper_files": [secret]}}),
        mistakes({"keys": {"pepper_files": secret}}),
        mistakes({"server": {"tls": {"cert_file": secret, "key_file": secret}}}),
        mistakes({"callers": [{"name": "a", "groups": ["validate"], "key_files": [secret]}]}),
        mistakes({}, {"SESSIOND_KEYS_SEALING_FILES": secret}),
    ]
    fragments = [part for part in secret.replace("\0", "/").split("/") if len(part) > 5]
    for text in said:
        assert "_file" in text
        assert not any(part.strip() in text for part in fragments)


def test_of_a_path_that_is_not_there_the_directory_is_named(tmp_path: Path) -> None:
    said = mistakes({"issuers": [{**ISSUER, "client_secret_file": str(tmp_path / "none")}]})
    assert f'that is not there, in "{tmp_path}" (No such file or directory)' in said
