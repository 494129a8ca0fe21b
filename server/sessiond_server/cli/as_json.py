"""Answers as JSON."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def plain(value: Any) -> Any:
    """As JSON has it: times by RFC 3339, spans in seconds, bytes in base64url."""
    match value:
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        case _:
            return value
