"""The schema is documented to the last field, redacts secrets, and agrees with the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from sessiond import NextAction as ClientAction
from sessiond import Reason as ClientReason
from sessiond.v1 import session_pb2
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause
from sessiond_server.domain.verdict import Reason
from sessiond_server.transport.rejections import NextAction
from tests.support.schema import files, marked

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


def undocumented(file: Any) -> Iterator[str]:
    """What has a name and no comment; paths as in `SourceCodeInfo`."""
    commented = {
        tuple(location.path)
        for location in file.source_code_info.location
        if location.leading_comments.strip()
    }
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
    fields = [
        (message.name, field)
        for file in files()
        for message in file.message_type
        for field in message.field
        if field.name in SECRETS and field.type == FieldDescriptorProto.TYPE_STRING
    ]
    assert len(fields) >= 10
    assert [f"{message}.{field.name}" for message, field in fields if not field.options.debug_redact] == []


def values(enum: Any, prefix: str) -> list[tuple[str, int]]:
    return [(name.removeprefix(prefix), number) for name, number in enum.items() if number]


def test_reasons_are_those_of_the_schema() -> None:
    names = {reason.name for reason in Reason}
    assert {name for name, _ in values(session_pb2.Rejection.Reason, "REASON_")} == names
    assert {reason.value for reason in ClientReason} - {"UNSPECIFIED"} == names


def test_next_actions_are_those_of_the_schema() -> None:
    names = {action.name for action in NextAction}
    assert {action.value for action in ClientAction} - {"UNSPECIFIED"} == names


def test_causes_that_callers_may_give_have_the_numbers_of_the_record() -> None:
    for name, number in values(session_pb2.RevocationCause, "REVOCATION_CAUSE_"):
        assert Cause[name] == number


def test_types_of_revocations_have_the_numbers_of_the_log() -> None:
    assert values(session_pb2.RevocationType, "REVOCATION_TYPE_") == [
        (type_.name, type_.value) for type_ in RevocationType
    ]


def test_answer_fields_that_stay_unset_are_marked() -> None:
    assert marked("unset") == {
        "Session.confirmation",
        "RevokeSessionResponse.end_session_url",
    }
