"""Checks of single fields; each refusal names the field, what was found and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from sessiond.v1 import session_service_pb2
from sessiond_server.domain.claims import SCOPE
from sessiond_server.domain.failures import Failure, Input, InputRefusedError, quoted
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.transport.codec.refusals import FieldInvalidError

MAX_LIST_ITEMS: Final = 64
MAX_TEXT_BYTES: Final = 256
_MAX_IDENTIFIER_CHARACTERS: Final = 255
_MAX_ATTRIBUTES: Final = 16
_MAX_ATTRIBUTE_NAME_BYTES: Final = 64
_MAX_ATTRIBUTE_VALUE_BYTES: Final = 256

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_KEY_ID: Final = re.compile(r"[\x20-\x7e]{1,256}")
_MAX_SCOPE_CHARACTERS: Final = 256


def named(failure: Failure, names: Mapping[Input, str]) -> Failure:
    """A failure in which an input that a service refused has the name under which the request has it."""
    if not isinstance(failure, InputRefusedError) or failure.what not in names:
        return failure
    return FieldInvalidError(names[failure.what], found=failure.found, allowed=failure.allowed)


def session_id(value: str, *, field: str) -> SessionId:
    """A required session id of sessiond's own."""
    found = SessionId.find(value)
    if found is None:
        raise FieldInvalidError(
            field,
            found=f"{len(value)} characters that are not a session id",
            allowed="sds_ and 22 base64url characters, as CreateSession gave it out",
        )
    return found


def subject(value: session_service_pb2.Subject) -> tuple[str, str]:
    """A required subject: its issuer and its own id."""
    issuer = identifier(value.issuer, field="subject.issuer")
    return issuer, identifier(value.subject, field="subject.subject")


def identifier(value: str, *, field: str) -> str:
    """A required id: 1-255 characters, no control characters."""
    if not value:
        raise FieldInvalidError(field, found="nothing", allowed="1 to 255 characters")
    return optional_identifier(value, field=field)


def optional_identifier(value: str, *, field: str) -> str:
    """The same, or nothing."""
    if len(value) > _MAX_IDENTIFIER_CHARACTERS:
        raise FieldInvalidError(
            field, found=f"{len(value)} characters", allowed=f"at most {_MAX_IDENTIFIER_CHARACTERS}"
        )
    if _CONTROL.search(value):
        raise FieldInvalidError(
            field, found="a control character", allowed="characters that are not control characters"
        )
    return value


def key_id(value: str, *, field: str) -> str:
    """A required `kid`: 1-256 printable ASCII characters."""
    if not _KEY_ID.fullmatch(value):
        found = f"{len(value)} characters" if value.isascii() else "a character that is not ASCII"
        raise FieldInvalidError(field, found=found, allowed="1 to 256 printable ASCII characters")
    return value


def text(value: str, *, field: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Free text within `max_bytes` of UTF-8, without control characters."""
    size = len(value.encode())
    if size > max_bytes:
        raise FieldInvalidError(field, found=f"{size} bytes", allowed=f"at most {max_bytes} bytes")
    if _CONTROL.search(value):
        raise FieldInvalidError(
            field, found="a control character", allowed="characters that are not control characters"
        )
    return value


def items(values: Collection[str], *, field: str) -> tuple[str, ...]:
    """A list of at most 64 ids."""
    if len(values) > MAX_LIST_ITEMS:
        raise FieldInvalidError(field, found=f"{len(values)} items", allowed=f"at most {MAX_LIST_ITEMS}")
    return tuple(identifier(value, field=f"{field}[{index}]") for index, value in enumerate(values))


def scopes(values: Collection[str], *, field: str) -> tuple[str, ...]:
    """A list of at most 64 scopes (RFC 6749 §3.3)."""
    if len(values) > MAX_LIST_ITEMS:
        raise FieldInvalidError(field, found=f"{len(values)} items", allowed=f"at most {MAX_LIST_ITEMS}")
    for index, value in enumerate(values):
        if len(value) > _MAX_SCOPE_CHARACTERS or not SCOPE.fullmatch(value):
            allowed = "1 to 256 printable ASCII characters but space, quote and backslash"
            raise FieldInvalidError(f"{field}[{index}]", found=quoted(value), allowed=allowed)
    return tuple(values)


def attributes(values: Mapping[str, str], *, field: str) -> tuple[tuple[str, str], ...]:
    """At most 16 names of 1-64 bytes with values of at most 256, sorted by name."""
    if len(values) > _MAX_ATTRIBUTES:
        raise FieldInvalidError(
            field, found=f"{len(values)} attributes", allowed=f"at most {_MAX_ATTRIBUTES}"
        )
    for name, value in values.items():
        if not name:
            raise FieldInvalidError(
                field, found="an empty name", allowed=f"names of 1 to {_MAX_ATTRIBUTE_NAME_BYTES} bytes"
            )
        text(name, field=f"{field} name", max_bytes=_MAX_ATTRIBUTE_NAME_BYTES)
        text(value, field=f"{field}[{quoted(name)}]", max_bytes=_MAX_ATTRIBUTE_VALUE_BYTES)
    return tuple(sorted(values.items()))
