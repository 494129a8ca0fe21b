"""Turns raw bytes into messages, strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from sessiond_server.transport.codec.refusals import FeatureUnsupportedError, MessageMalformedError

MessageT = TypeVar("MessageT", bound=Message)


def parse(message_type: type[MessageT], raw: bytes) -> MessageT:
    """Read a request.

    A field that this version does not know may be a demand that a newer client makes of a token: ignoring it
    would answer another question than was asked.

    Raises:
        MessageMalformedError: the bytes are no such message.
        FeatureUnsupportedError: the message, or one inside it, has a field that this version does not know.
    """
    try:
        message = message_type.FromString(raw)
    except DecodeError as error:
        raise MessageMalformedError from error
    _refuse_unknown(message, path="")
    return message


def refuse_set(message: Message, fields: Iterable[str]) -> None:
    """Raise `FeatureUnsupportedError` for the first of `fields` that is set."""
    set_fields = {descriptor.name for descriptor, _ in message.ListFields()}
    for field in fields:
        if field in set_fields:
            raise FeatureUnsupportedError(field)


def _refuse_unknown(message: Message, *, path: str) -> None:
    for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]
        raise FeatureUnsupportedError(f"{path}field number {unknown.field_number}")
    for descriptor, value in message.ListFields():
        if descriptor.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        for part in _messages(value):
            _refuse_unknown(part, path=f"{path}{descriptor.name}.")


def _messages(value: Any) -> Iterable[Message]:
    """The messages in a field: one, several, or the values of a map."""
    if isinstance(value, Message):
        return [value]
    if isinstance(value, Mapping):
        return [part for part in value.values() if isinstance(part, Message)]
    return list(value)
