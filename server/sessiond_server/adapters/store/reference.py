"""The table of the record, for people: it is made from the fields, so that it cannot say anything else."""

from __future__ import annotations

import struct

from sessiond_server.adapters.store.formats import TOKEN_ID
from sessiond_server.adapters.store.record import HEADER_BYTES, places


def record_table() -> str:
    """A Markdown table: where each field of the header stands, how many bytes it has, and what it means."""
    rows = [
        f"| {place.offset} | {struct.calcsize('>' + place.format)} | `{name}` | {place.meaning} |"
        for name, place in places().items()
    ]
    behind = [
        f"| {HEADER_BYTES} | {TOKEN_ID.size} for each of `token_ids` | | id and expiry of an access token |",
        "| then | the rest | | the sealed login; an ended session has neither it nor the ids |",
    ]
    return (
        "\n".join(["| offset | bytes | field | meaning |", "| ---: | ---: | --- | --- |", *rows, *behind])
        + "\n"
    )
