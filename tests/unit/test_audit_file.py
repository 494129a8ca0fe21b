"""The file of audit events is private, is opened anew where it was renamed, and takes nothing from links."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.audit_file import AuditFileError, audit_file
from tests.support.fakes import RecordingLogger, SilentLogger
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


def told(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


async def test_events_are_appended_to_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    for name in ("a", "b"):
        with audit_file(path, logger=SilentLogger()) as file:
            file.logger.info("audit", id=name)
    assert told(path) == ["a", "b"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("moved", ["renamed", "removed", "replaced"])
async def test_whatever_was_done_to_the_file_the_next_event_is_in_one_of_that_name(
    tmp_path: Path, moved: str
) -> None:
    path = tmp_path / "audit.log"
    with audit_file(path, logger=SilentLogger()) as file:
        file.logger.info("audit", id="a")
        await eventually(lambda: told(path) == ["a"])
        if moved == "removed":
            path.unlink()
        else:
            path.rename(tmp_path / "audit.log.1")
        if moved == "replaced":
            path.touch(mode=0o600)
        file.logger.info("audit", id="b")
        await eventually(lambda: told(path) == ["b"])
    if moved != "removed":
        assert told(tmp_path / "audit.log.1") == ["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_takes_nothing_is_told_of_once_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    directory, logger = tmp_path / "logs", RecordingLogger()
    directory.mkdir()
    path = directory / "audit.log"
    with audit_file(path, logger=logger) as file:
        path.unlink()
        directory.rmdir()
        for name in ("a", "b"):
            file.logger.info("audit", id=name)
            await eventually(lambda lost=name == "b": file.writer.dropped == 1 + lost)
        directory.mkdir()
        file.logger.info("audit", id="c")
        await eventually(lambda: told(path) == ["c"])
    assert logger.said("audit events cannot be written to their file") == [{}]
    assert logger.said("audit events were dropped") == [{"count": 2}]


async def test_a_file_that_is_not_ours_alone_to_write_is_refused(tmp_path: Path) -> None:
    link, directory, shared = tmp_path / "link", tmp_path / "directory", tmp_path / "shared"
    link.symlink_to(tmp_path / "elsewhere")
    directory.mkdir()
    shared.touch()
    shared.chmod(0o666)
    for path in (link, directory, shared, tmp_path / "nowhere" / "audit.log"):
        with pytest.raises(AuditFileError, match=path.name), audit_file(path, logger=SilentLogger()):
            pass
    assert not (tmp_path / "elsewhere").exists()
