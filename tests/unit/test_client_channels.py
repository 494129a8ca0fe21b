"""A client's channel is made anew when the files of its TLS have changed, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiond.access import Tls
from sessiond.channels import Channels


class Made:
    """Channels are numbers here; `file` is what each was made with."""

    def __init__(self, file: Path) -> None:
        self.at = 0.0
        self.file = file
        self.made: list[str] = []
        self.retired: list[int] = []
        file.write_text("first")
        self.channels = Channels(self.make, [file], self.retired.append, steady=lambda: self.at)

    def make(self) -> int:
        self.made.append(self.file.read_text())
        return len(self.made)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "certificate.pem")


def test_a_channel_stays_while_its_files_do(made: Made) -> None:
    for made.at in (0.0, 0.5, 1.0, 2.0, 3600.0):
        assert made.channels.get() == 1
    assert (made.made, made.retired) == (["first"], [])


def test_a_file_that_has_changed_is_read_anew_within_a_second(made: Made) -> None:
    made.file.write_text("the second")
    made.at = 0.9
    assert made.channels.get() == 1
    made.at = 1.0
    assert [made.channels.get(), made.channels.get()] == [2, 2]
    assert (made.made, made.retired) == (["first", "the second"], [1])


def test_a_file_that_is_put_in_its_place_counts_though_it_is_as_long(made: Made) -> None:
    other = made.file.with_suffix(".new")
    other.write_text("other")
    other.replace(made.file)
    made.at = 1.0
    assert made.channels.get() == 2


def test_a_channel_stays_while_its_files_cannot_be_read(made: Made) -> None:
    made.file.unlink()
    made.at = 1.0
    assert made.channels.get() == 1
    made.file.write_text("back again")
    made.at = 2.0
    assert made.channels.get() == 2
    assert made.retired == [1]


def test_the_last_channel_is_made_anew_no_more(made: Made) -> None:
    assert made.channels.last() == 1
    made.file.write_text("the second")
    made.at = 1.0
    assert made.channels.get() == 1
    assert (made.made, made.retired) == (["first"], [])


def test_without_files_there_is_nothing_to_look_at() -> None:
    retired: list[int] = []
    at = iter([0.0])
    channels = Channels(lambda: 1, [], retired.append, steady=lambda: next(at))
    assert channels.get() == 1


def test_what_is_given_as_bytes_is_no_file(tmp_path: Path) -> None:
    assert Tls(b"a", tmp_path / "c", tmp_path / "k").files == (tmp_path / "c", tmp_path / "k")
