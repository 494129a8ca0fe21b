"""The refresh token: its form, its authenticity and its successor."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.refresh_token import MAX_GENERATION, Pepper, Peppers, RefreshToken, UnknownPepper

OLD, NEW = b"o" * 32, b"n" * 32
SESSION = SessionId(bytes(range(16)))
SECRET = b"s" * 32


def token(generation: int = 3, *, pepper: bytes = NEW) -> RefreshToken:
    return RefreshToken(Pepper(pepper), SESSION, generation, SECRET)


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def parts(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.removeprefix("sdr1_"))


def test_the_form_is_the_documented_one() -> None:
    raw = parts(token().reveal())
    body = mac(NEW, b"id")[:4] + SESSION.raw + struct.pack(">I", 3) + SECRET
    assert raw == body + mac(mac(NEW, b"tag"), body)[:16]
    assert len(token().reveal()) == 101


def test_what_was_revealed_is_recognised() -> None:
    found = Peppers([NEW]).recognise(token().reveal())
    assert isinstance(found, RefreshToken)
    assert (found.session, found.generation, found.secret) == (SESSION, 3, SECRET)


def test_an_older_pepper_is_still_read() -> None:
    found = Peppers([NEW, OLD]).recognise(token(pepper=OLD).reveal())
    assert isinstance(found, RefreshToken)
    assert found.pepper.id == Pepper(OLD).id


def test_another_pepper_is_named() -> None:
    assert Peppers([NEW]).recognise(token(pepper=OLD).reveal()) == UnknownPepper(SESSION, Pepper(OLD).id)


@pytest.mark.row("not-authentic")
@pytest.mark.parametrize("at", range(4, 72))
def test_no_byte_can_be_changed(at: int) -> None:
    raw = bytearray(parts(token().reveal()))
    raw[at] ^= 1
    assert Peppers([NEW]).recognise("sdr1_" + base64.urlsafe_b64encode(raw).decode()) is None


@pytest.mark.row("not-authentic")
@given(st.text(max_size=120) | st.from_regex(r"sdr1_[A-Za-z0-9_-]{90,100}", fullmatch=True))
def test_any_text_gets_an_answer(text: str) -> None:
    assert not isinstance(Peppers([NEW]).recognise(text), RefreshToken)


@pytest.mark.row("not-authentic")
@pytest.mark.parametrize("change", [" {}", "{} ", "{}\n", "{}=", "{}A", "SDR1_{}"])
def test_there_is_one_spelling(change: str) -> None:
    assert Peppers([NEW]).recognise(change.format(token().reveal())) is None


def test_the_successor_is_the_documented_one() -> None:
    salt = b"t" * 32
    successor = token().successor(pepper=Pepper(NEW), rotation_salt=salt)
    expected = mac(mac(NEW, b"next"), salt + SESSION.raw + struct.pack(">I", 4) + SECRET)
    assert (successor.session, successor.generation, successor.secret) == (SESSION, 4, expected)
    assert successor.secret_hash == hashlib.sha256(expected).digest()


def test_a_successor_needs_the_secret_the_salt_and_the_pepper() -> None:
    salt = b"t" * 32
    others = [
        token(4).successor(pepper=Pepper(NEW), rotation_salt=salt),
        token().successor(pepper=Pepper(OLD), rotation_salt=salt),
        token().successor(pepper=Pepper(NEW), rotation_salt=b"u" * 32),
        RefreshToken(Pepper(NEW), SESSION, 3, b"z" * 32).successor(pepper=Pepper(NEW), rotation_salt=salt),
        RefreshToken(Pepper(NEW), SessionId(bytes(16)), 3, SECRET).successor(
            pepper=Pepper(NEW), rotation_salt=salt
        ),
    ]
    secrets = {
        token().successor(pepper=Pepper(NEW), rotation_salt=salt).secret,
        *(other.secret for other in others),
    }
    assert len(secrets) == 6


def test_the_same_device_leaves_the_same_fingerprint() -> None:
    pepper = Pepper(NEW)
    assert pepper.device_fingerprint("a", "b", "c") == pepper.device_fingerprint("a", "b", "c")
    assert pepper.device_fingerprint("a", "b", "c") != pepper.device_fingerprint("ab", "", "c")
    assert pepper.device_fingerprint("a") != Pepper(OLD).device_fingerprint("a")


def test_a_token_does_not_show_itself() -> None:
    shown = f"{token()!r} {token()}"
    assert SECRET.decode() not in shown
    assert token().reveal() not in shown


@pytest.mark.parametrize("secrets", [[], [b"short"], [NEW, NEW]])
def test_peppers_that_are_none_are_refused(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="pepper"):
        Peppers(secrets)


@pytest.mark.row("not-authentic")
@pytest.mark.parametrize("generation", [MAX_GENERATION + 1, 2**32 - 1])
def test_a_generation_beyond_the_last_is_none_that_was_given_out(generation: int) -> None:
    assert Peppers([NEW]).recognise(token(generation).reveal()) is None


def test_the_last_generation_has_a_successor_to_propose() -> None:
    found = Peppers([NEW]).recognise(token(MAX_GENERATION).reveal())
    assert isinstance(found, RefreshToken)
    assert found.successor(pepper=found.pepper, rotation_salt=bytes(32)).secret_hash
