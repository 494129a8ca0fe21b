"""What the fake is called, and its spans: the server's own defaults."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import Final

from sessiond.hashed_ids import hashed_id

# Who issues the fake's tokens.
ISSUER: Final = "http://sessiond.localhost"
# For whom they are unless a login says otherwise, and the application that they are issued to.
AUDIENCE: Final = "sessiond-dev"
CONFIGURATION: Final = "sessiond.testing"
KEY_ID: Final = "sessiond.testing"

ACCESS_LIFETIME: Final = timedelta(minutes=5)
GRACE: Final = timedelta(seconds=10)
IDLE_LIFETIME: Final = timedelta(days=7)
ABSOLUTE_LIFETIME: Final = timedelta(days=30)
LONGEST_LIFETIME: Final = timedelta(days=1)
CLOCK_SKEW: Final = timedelta(seconds=2)
WATCHED_CACHE_FOR: Final = timedelta(minutes=1)
MAX_STALENESS: Final = timedelta(seconds=1)


def principal(issuer: str, subject: str) -> str:
    """The key under which to store what belongs to a user."""
    return f"sdp_{unpadded(hashed_id('principal', issuer, subject))}"


def random_text(size: int) -> str:
    """A text of so many random bytes."""
    return unpadded(secrets.token_bytes(size))


def unpadded(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
