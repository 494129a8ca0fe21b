"""Keys in a directory: made once, read everywhere before they are used, and never lost."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.embedded.data_directory import DataDirectoryError
from sessiond_server.app.key_directory import (
    KINDS,
    PEPPER,
    SEALING,
    SIGNING,
    add_next,
    key_files,
    make_keys,
    use_next,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    directory = tmp_path / "keys"
    make_keys(directory)
    return directory


def names(directory: Path) -> list[str]:
    return [path.name for path in key_files(directory, PEPPER)]


def contents(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in key_files(directory, PEPPER)]


def everything(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_keys_are_ours_alone_and_made_once(keys: Path) -> None:
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    before = everything(keys)
    assert set(before) == {kind.file for kind in KINDS}
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}
    with pytest.raises(DataDirectoryError, match="pepper, sealing-key"):
        make_keys(keys)
    assert everything(keys) == before


def test_where_one_key_is_there_none_is_made(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir(mode=0o700)
    (tmp_path / "k" / "sealing-key").write_text("mine")
    with pytest.raises(DataDirectoryError, match="sealing-key already"):
        make_keys(tmp_path / "k")
    assert everything(tmp_path / "k") == {"sealing-key": b"mine"}


def test_a_new_key_is_readable_before_it_is_used_and_the_old_one_after(keys: Path) -> None:
    (first,) = contents(keys)
    add_next(keys, [PEPPER])
    assert names(keys) == ["pepper", "pepper.next"]
    assert contents(keys)[0] == first
    second = contents(keys)[1]
    assert second != first
    use_next(keys, [PEPPER])
    assert (names(keys), contents(keys)) == (["pepper", "pepper.old-1"], [second, first])
    add_next(keys, [PEPPER])
    use_next(keys, [PEPPER])
    assert names(keys) == ["pepper", "pepper.old-2", "pepper.old-1"]
    assert contents(keys)[1:] == [second, first]
    assert [path.name for path in key_files(keys, SEALING)] == ["sealing-key"]


def test_the_tenth_former_key_is_newer_than_the_ninth(keys: Path) -> None:
    for number in (9, 10):
        (keys / f"pepper.old-{number}").write_text(str(number))
    assert names(keys) == ["pepper", "pepper.old-10", "pepper.old-9"]


def test_no_step_is_taken_twice_or_before_the_other(keys: Path) -> None:
    before = everything(keys)
    with pytest.raises(DataDirectoryError, match="no next pepper"):
        use_next(keys, [PEPPER])
    assert everything(keys) == before
    add_next(keys, [PEPPER])
    before = everything(keys)
    with pytest.raises(DataDirectoryError, match="next pepper already"):
        add_next(keys, [PEPPER])
    with pytest.raises(DataDirectoryError, match="no next signing"):
        use_next(keys, [PEPPER, SIGNING])
    assert everything(keys) == before


def test_whoever_is_interrupted_between_two_names_has_each_key_once_and_goes_on(keys: Path) -> None:
    add_next(keys, [PEPPER])
    before = contents(keys)
    (keys / "pepper.old-1").hardlink_to(keys / "pepper")
    assert contents(keys) == before
    use_next(keys, [PEPPER])
    assert contents(keys) == [before[1], before[0]]
    assert names(keys) == ["pepper", "pepper.old-1"]


def test_a_directory_that_others_may_enter_is_refused(keys: Path) -> None:
    keys.chmod(0o755)
    for step in (add_next, use_next):
        with pytest.raises(DataDirectoryError, match="mode 0755"):
            step(keys, [PEPPER])


def test_without_a_key_in_use_there_is_none(keys: Path) -> None:
    add_next(keys, [PEPPER])
    (keys / "pepper").unlink()
    assert key_files(keys, PEPPER) == ()
    with pytest.raises(DataDirectoryError, match="no pepper"):
        use_next(keys, [PEPPER])
