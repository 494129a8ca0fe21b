"""The schema with its comments, as its own compiler reads it."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = "Not carried out yet: "


@cache
def described() -> FileDescriptorSet:
    buf = Path(sys.executable).parent / "buf"
    raw = subprocess.run(
        [buf, "build", "protos", "-o", "-", "--as-file-descriptor-set"], check=True, capture_output=True
    ).stdout
    return FileDescriptorSet.FromString(raw)


def files() -> Iterator[Any]:
    return (file for file in described().file if file.package == "sessiond.v1")


def comments(file: Any) -> dict[tuple[int, ...], str]:
    """What stands before each thing, on one line, by its path as in `SourceCodeInfo`."""
    return {
        tuple(location.path): " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
    }


def marked(how: str) -> set[str]:
    """What the schema marks as not carried out, and where `how` says how that shows.

    These are fields, with the name of their message, and methods.
    """
    found = set()
    for file in files():
        said = comments(file)
        for at, message in enumerate(file.message_type):
            for index, field in enumerate(message.field):
                if _MARK + how in said.get((4, at, 2, index), ""):
                    found.add(f"{message.name}.{field.name}")
        for at, service in enumerate(file.service):
            for index, method in enumerate(service.method):
                if _MARK + how in said.get((6, at, 2, index), ""):
                    found.add(method.name)
    return found
