"""What others write beside their calls is told without the tokens in it, be they whole or cut short."""

from __future__ import annotations

import pytest

from sessiond_server.domain.token import hide_tokens

HEADER, PAYLOAD, SIGNATURE = "eyJhbGciOiJFUzI1NiJ9", "eyJzdWIiOiJhbGljZUBleGFtcGxlLmNvbSJ9", "c2lnbmF0dXJl"
ACCESS_TOKEN = f"{HEADER}.{PAYLOAD}.{SIGNATURE}"
REFRESH_TOKEN = "sdr1_" + "Ab-_" * 30


@pytest.mark.parametrize("length", range(len(HEADER) + 1, len(ACCESS_TOKEN) + 1))
def test_a_jwt_shows_nothing_behind_its_header(length: int) -> None:
    assert hide_tokens(f"stolen: {ACCESS_TOKEN[:length]}") == "stolen: (a token)"


@pytest.mark.parametrize("length", [21, 60, len(REFRESH_TOKEN)])
def test_a_refresh_token_shows_nothing(length: int) -> None:
    assert hide_tokens(f"{REFRESH_TOKEN[:length]}, stolen") == "(a token), stolen"


@pytest.mark.parametrize(
    "text", ["ticket 4711", "203.0.113.7", "2001:db8::7", "see example.com", "eyes.only", ""]
)
def test_what_is_no_token_is_told_as_it_was_said(text: str) -> None:
    assert hide_tokens(text) == text
