"""Whatever is accepted here, PyJWT and joserfc accept too.

Strictness must not bring acceptances of its own.

Tokens are mutated as text and, signed anew, as content; the forms of `tests/vectors` are a corpus of odd
headers and payloads. `FUZZ_TOKENS` sets how many; `make fuzz` takes many more than the suite.
"""

from __future__ import annotations

import base64
import json
import os
import random
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from joserfc import jwt as jose
from joserfc.errors import JoseError
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry

from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.domain.checks import judge_audience, judge_lifetime, judge_time, judge_type
from sessiond_server.domain.claims import Claims, read_claims
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS, IssuerPolicy
from tests.support.facts import call_facts, token_facts
from tests.support.vectors import MAX_TOKEN_BYTES, cases, parts_of_form

if TYPE_CHECKING:
    from collections.abc import MAX_TOKEN_BYTES, Callable

TOKENS = int(os.environ.get("FUZZ_TOKENS", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
ISSUER, AUDIENCE = "https://id.example", "api"
NOW = time.time()
# Long enough for any run: the others judge by their own clocks, at the end of it.
LIFE_SECONDS = 36_000
POLICY = IssuerPolicy(issuer=ISSUER, audiences=frozenset({AUDIENCE}), algorithms=SIGNATURE_ALGORITHMS)
PARSER = StrictTokenParser(MAX_TOKEN_BYTES)
CORPUS = [parts_of_form(case) for case in cases("forms") if "token" not in case]


@dataclass(frozen=True)
class Signer:
    """A key, and how each library knows it."""

    ours: SigningKey
    private: Any
    algorithm: str

    @property
    def public(self) -> Any:
        return self.private.public_key()

    def sign(self, header: bytes, payload: bytes) -> str:
        signing_input = b".".join(map(segment, (header, payload)))
        return b".".join((signing_input, segment(self.ours.sign(signing_input)))).decode()


def signer(private: Any, algorithm: str) -> Signer:
    return Signer(SigningKey(private), private, algorithm)


SIGNERS = {
    "ES256": signer(generate_private_key(SECP256R1()), "ES256"),
    "RS256": signer(generate_rsa(65537, 2048), "RS256"),
    "EdDSA": signer(Ed25519PrivateKey.generate(), "EdDSA"),
}
KEY_TYPES = {"ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**63, 1e308, 0.5),
    *(int(NOW), int(NOW) + LIFE_SECONDS, int(NOW) - 300, NOW * 1000),
    *("", " ", "a", "\x00", "é", "api", ISSUER, ISSUER + "/", "none", "HS256", "ES256", str(int(NOW))),
    *("at+jwt", "application/at+jwt", "AT+JWT", "JWT"),
    *([], {}, [1], ["api"], ["api", 1], [["api"]], {"a": 1}),
]


def segment(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def content(signer: Signer) -> tuple[dict[str, Any], dict[str, Any]]:
    header = {"typ": "at+jwt", "alg": signer.algorithm, "kid": "k"}
    claims = {
        "iss": ISSUER,
        "sub": "s",
        "aud": AUDIENCE,
        "client_id": "c",
        "iat": int(NOW),
        "exp": int(NOW) + LIFE_SECONDS,
        "jti": "1",
    }
    return header, claims


def changed_content(signer: Signer, dice: random.Random) -> str:
    """A good signature over content that may not be good."""
    header, claims = content(signer)
    for _ in range(dice.choice((0, 1, 1, 1, 2))):
        part = dice.choice((header, claims, claims))
        name = dice.choice(
            [*part, "nbf", "sid", "scope", "acr", "act", "cnf", "crit", "b64", "jwk", "cty", "x5u"]
        )
        if dice.random() < 0.2:
            part.pop(name, None)
        else:
            part[name] = dice.choice(VALUES)
    texts = [json.dumps(part, ensure_ascii=dice.random() < 0.5) for part in (header, claims)]
    return signer.sign(*(written(text, dice) for text in texts))


def written(text: str, dice: random.Random) -> bytes:
    """JSON as a careless or a hostile writer would send it."""
    match dice.randrange(12):
        case 0:
            return text.encode(dice.choice(("utf-16", "utf-32", "utf-8-sig", "latin-1")), "replace")
        case 1:
            return text.replace("{", '{"iss": "https://evil.example", ', 1).encode()
        case 2:
            return text.replace('"exp"', '"\\u0065xp"').encode()
        case 3:
            return (text + dice.choice((" ", "\n", "{}", "\x00", "//"))).encode()
        case 4:
            return (
                text.replace(": ", ":", 1)
                .replace(str(int(NOW) + LIFE_SECONDS), dice.choice(("NaN", "Infinity", "1e999", "3e2")))
                .encode()
            )
        case _:
            return text.encode()


def changed_corpus(signer: Signer, dice: random.Random) -> str:
    """A header and a payload of the corpus, made to fit as far as they can be.

    They have a good signature over them.
    """
    good_header, good_payload = (json.dumps(part, separators=(",", ":")).encode() for part in content(signer))
    header, payload = (dice.choice(CORPUS)[part] if dice.random() < 0.6 else None for part in (0, 1))
    if header is not None:
        # PyJWT knows Ed25519 by its older name alone (RFC 9864 §2.2).
        header = header.replace(b'"Ed25519"', b'"EdDSA"')
        header = header.replace(b'"RS256"', f'"{signer.algorithm}"'.encode()).replace(b'"k1"', b'"k"')
    if payload is not None and dice.random() < 0.8:
        payload = payload.replace(b"{", good_payload[:-1] + b",", 1)
    texts = [
        bytearray(good if text is None else text)
        for text, good in ((header, good_header), (payload, good_payload))
    ]
    for text in texts:
        if text and dice.random() < 0.2:
            text[dice.randrange(len(text))] = dice.randrange(256)
    return signer.sign(*map(bytes, texts))


def changed_text(signer: Signer, dice: random.Random) -> str:  # noqa: PLR0911 - a list of ways
    """A good token that was tampered with as text."""
    text = signer.sign(*(json.dumps(part).encode() for part in content(signer)))
    at = dice.randrange(len(text))
    match dice.randrange(8):
        case 0:
            return text[:at] + dice.choice("AZaz09-_.=+/ \n\x00é") + text[at + 1 :]
        case 1:
            return text[:at] + dice.choice("AZaz09-_.=+/ \n\x00é") + text[at:]
        case 2:
            return text[:at] + text[at + 1 :]
        case 3:
            return text + dice.choice(("=", "==", ".", "A", " ", "\n"))
        case 4:
            return text.replace(".", dice.choice(("..", "=.", ". ")), 1)
        case 5:
            head, body, tail = text.split(".")
            return ".".join(dice.sample((head, body, tail), 3))
        case 6:
            head, body, tail = text.split(".")
            return f"{head}.{body}.{tail[:-1]}{dice.choice('AQgwBRhx')}"
        case _:
            return text[:at]


def is_accepted_here(token: str, signer: Signer) -> bool:
    parsed = PARSER.parse(token.encode("utf-8", "surrogatepass"))
    if parsed is None or parsed.issuer != ISSUER or parsed.algorithm != signer.ours.public_key.algorithm:
        return False
    if parsed.key_id != "k" or not signer.ours.public_key.verifies(parsed.signing_input, parsed.signature):
        return False
    claims = read_claims(parsed, POLICY)
    facts = token_facts(parsed, POLICY)
    if judge_type(facts) or not isinstance(claims, Claims):
        return False
    asked = call_facts(claims, POLICY, now=NOW)
    return not (judge_lifetime(facts) or judge_time(asked) or judge_audience(asked))


def is_accepted_by_pyjwt(token: str, signer: Signer) -> bool:
    try:
        jwt.decode(
            token, signer.public, algorithms=[signer.algorithm], audience=AUDIENCE, issuer=ISSUER, leeway=30
        )
    except jwt.PyJWTError:
        return False
    return True


def is_accepted_by_joserfc(token: str, signer: Signer) -> bool:
    registry = jose.JWTClaimsRegistry(
        leeway=30,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )
    # RFC 7515 §4: header parameters that are not understood are ignored.
    header = JWSRegistry(algorithms=[signer.algorithm], strict_check_header=False)
    key = import_key(signer.public, KEY_TYPES[signer.algorithm])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            registry.validate(jose.decode(token, key, registry=header).claims)
    except (JoseError, ValueError):
        return False
    return True


@pytest.mark.parametrize(
    "mutate", [changed_content, changed_corpus, changed_text], ids=["content", "corpus", "text"]
)
@pytest.mark.parametrize("name", SIGNERS)
def test_what_is_accepted_here_is_accepted_by_others(
    name: str, mutate: Callable[[Signer, random.Random], str]
) -> None:
    signer, dice, seen = SIGNERS[name], random.Random(SEED), Counter[bool]()
    for _ in range(TOKENS // (3 * len(SIGNERS))):
        token = mutate(signer, dice)
        accepted = is_accepted_here(token, signer)
        seen[accepted] += 1
        if accepted:
            assert is_accepted_by_pyjwt(token, signer), token
            assert is_accepted_by_joserfc(token, signer), token
    assert seen[False] > seen.total() // 10
    assert mutate is changed_text or seen[True] > seen.total() // 40
