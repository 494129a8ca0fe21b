"""Turns raw bytes into messages, strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from sessiond_server.transport.codec.fields import MAX_LIST_ITEMS
from sessiond_server.transport.codec.refusals import FeatureUnsupportedError, MessageMalformedError

MessageT = TypeVar("MessageT", bound=Message)

# So much of what is not known is looked into, to name it: four megabytes of it would hold everybody up for a
# second.
_NAMED_BYTES: Final = 4096


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
    # The size tells at any depth whether there is something unknown, without walking the message.
    size = message.ByteSize()
    message.DiscardUnknownFields()
    unknown_bytes = size - message.ByteSize()
    if unknown_bytes:
        raise FeatureUnsupportedError(_name_of_unknown(message_type.FromString(raw), unknown_bytes))
    return message


def refuse_set(message: Message, fields: Iterable[str]) -> None:
    """Raise `FeatureUnsupportedError` for the first of `fields` that is set."""
    set_fields = {descriptor.name for descriptor, _ in message.ListFields()}
    for field in fields:
        if field in set_fields:
            raise FeatureUnsupportedError(field)


def _name_of_unknown(message: Message, unknown_bytes: int) -> str:
    """What the first unknown field is called, with the path to it; of very many fields none is looked for."""
    found = _find_unknown(message, path="") if unknown_bytes <= _NAMED_BYTES else None
    return found or "unknown field"


def _find_unknown(message: Message, *, path: str) -> str | None:
    for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]
        return f"{path}field number {unknown.field_number}"
    for descriptor, value in message.ListFields():
        if descriptor.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        for part in _messages(value):
            found = _find_unknown(part, path=f"{path}{descriptor.name}.")
            if found:
                return found
    return None


def _messages(value: Any) -> Iterable[Message]:
    """The messages in a field: one, several, or the values of a map; of very many, the first ones."""
    if isinstance(value, Message):
        return [value]
    parts = value.values() if isinstance(value, Mapping) else value
    return [part for part in islice(parts, MAX_LIST_ITEMS) if isinstance(part, Message)]
