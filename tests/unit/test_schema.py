"""The schema: documented to the last field, secrets redacted, and of one mind with the domain."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from sessiond import NextAction as ClientAction
from sessiond import Reason as ClientReason
from sessiond.v1 import session_pb2
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.domain.verdict import NextAction, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETS = {
    "token",
    "tokens",
    "access_token",
    "refresh_token",
    "id_token",
    "code",
    "code_verifier",
    "nonce",
    "dpop_proof",
    "proof",
}


@cache
def described() -> FileDescriptorSet:
    buf = Path(sys.executable).parent / "buf"
    raw = subprocess.run([buf, "build", "protos", "-o", "-", "--as-file-descriptor-set"], check=True, capture_output=True).stdout
    return FileDescriptorSet.FromString(raw)


def files() -> Iterator[Any]:
    return (file for file in described().file if file.package == "sessiond.v1")


def undocumented(file: Any) -> Iterator[str]:
    """What has a name and no comment; paths as in `SourceCodeInfo`."""
    commented = {tuple(location.path) for location in file.source_code_info.location if location.leading_comments.strip()}
    for at, message in enumerate(file.message_type):
        yield from missing(message.name, (4, at), commented)
        for index, field in enumerate(message.field):
            yield from missing(f"{message.name}.{field.name}", (4, at, 2, index), commented)
    for at, enum in enumerate(file.enum_type):
        yield from missing(enum.name, (5, at), commented)
        for index, value in enumerate(enum.value):
            yield from missing(value.name, (5, at, 2, index), commented)
    for at, service in enumerate(file.service):
        yield from missing(service.name, (6, at), commented)
        for index, method in enumerate(service.method):
            yield from missing(method.name, (6, at, 2, index), commented)


def missing(name: str, path: tuple[int, ...], commented: set[tuple[int, ...]]) -> Iterator[str]:
    if path not in commented:
        yield name


def test_everything_that_has_a_name_has_a_comment() -> None:
    assert [name for file in files() for name in undocumented(file)] == []


def test_secrets_are_redacted() -> None:
    fields = [(m.name, f) for file in files() for m in file.message_type for f in m.field if f.name in SECRETS]
    assert len(fields) >= 10
    assert [f"{message}.{field.name}" for message, field in fields if not field.options.debug_redact] == []


def values(enum: Any, prefix: str) -> list[tuple[str, int]]:
    return [(name.removeprefix(prefix), number) for name, number in enum.items() if number]


def test_reasons_are_decided_in_the_order_of_the_schema() -> None:
    expected = [(reason.name, reason.value) for reason in Reason]
    assert values(session_pb2.Rejection.Reason, "REASON_") == expected
    assert [reason.value for reason in ClientReason if reason.value != "UNSPECIFIED"] == [name for name, _ in expected]


def test_next_actions_are_those_of_the_schema() -> None:
    names = {action.name for action in NextAction}
    assert {action.value for action in ClientAction} - {"UNSPECIFIED"} == names


def test_causes_that_callers_may_give_have_the_numbers_of_the_record() -> None:
    for name, number in values(session_pb2.RevocationCause, "REVOCATION_CAUSE_"):
        assert Cause[name] == number


def test_types_of_revocations_have_the_numbers_of_the_log() -> None:
    assert values(session_pb2.RevocationType, "REVOCATION_TYPE_") == [(type_.name, type_.value) for type_ in RevocationType]
