"""The access tokens that sessiond mints, and the keys that it publishes (RFC 9068 §2, RFC 7638)."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jws

from sessiond_server.adapters.jwt.jwk import load_key_set
from sessiond_server.adapters.jwt.local_issuer import LocalIssuer, SigningKey, create_signing_key
from sessiond_server.adapters.jwt.parser import StrictTokenParser, claims_object
from sessiond_server.adapters.jwt.verification import KeyUnfitError
from sessiond_server.domain.checks import judge_lifetime, judge_time
from sessiond_server.domain.claims import RESERVED_CLAIMS, Claims, read_claims
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.policy import ClaimMapping, IssuerPolicy
from sessiond_server.domain.session import Login, StoredSession
from sessiond_server.service.validation.keys import KeySet, TokenMinter
from tests.support.facts import call_facts, token_facts
from tests.support.fakes import SilentLogger
from tests.support.vectors import MAX_TOKEN_BYTES

ISSUER = "https://sessiond.example"
CREATED_MS = 1_800_000_000_123
REFRESHED_MS = 1_800_000_600_999
ABSOLUTE_MS = 1_800_086_400_123
LOGIN = Login(ISSUER, "alice", "app", audiences=("api",))
POLICY = IssuerPolicy(
    issuer=ISSUER,
    audiences=frozenset({"api"}),
    algorithms=frozenset({"ES256"}),
    leeway=timedelta(),
    claims=ClaimMapping(tenant="tenant_id", provider_session=None),
    is_local=True,
)
KINDS: dict[str, Callable[[], Any]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
}


@functools.cache
def signing_key(algorithm: str = "ES256", _number: int = 0) -> SigningKey:
    """One key for each algorithm and number."""
    return SigningKey.from_pem(pem_of(KINDS[algorithm]()))


def pem_of(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return pem


def issuer(*keys: SigningKey, access_lifetime: timedelta = timedelta(minutes=15)) -> LocalIssuer:
    return LocalIssuer(keys or (signing_key(),), access_lifetime=access_lifetime)


def session(login: Login = LOGIN, **changes: Any) -> StoredSession:
    stored = StoredSession(
        id=SessionId(bytes(range(16))),
        login=login,
        generation=7,
        created_ms=CREATED_MS,
        refreshed_ms=REFRESHED_MS,
        idle_expire_ms=ABSOLUTE_MS,
        absolute_expire_ms=ABSOLUTE_MS,
    )
    return replace(stored, **changes)


def payload_of(stored: StoredSession) -> dict[str, Any]:
    parsed = StrictTokenParser(MAX_TOKEN_BYTES).parse(issuer().mint(stored).text.encode())
    assert parsed is not None
    return dict(parsed.payload)


def test_the_claims_of_the_smallest_token() -> None:
    payload = payload_of(session())
    token_id = payload.pop("jti")
    assert payload == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "api",
        "exp": REFRESHED_MS // 1000 + 900,
        "iat": REFRESHED_MS // 1000,
        "client_id": "app",
        "sid": "sds_AAECAwQFBgcICQoLDA0ODw",
        "sct": CREATED_MS,
    }
    assert token_id == "RLFEXJiZeGTRX7QMNLNrxQ"


def test_the_claims_of_a_full_token() -> None:
    login = replace(
        LOGIN,
        tenant_id="t",
        audiences=("api", "other"),
        scopes=("read", "write"),
        claims_json='{"roles":["admin"],"nested":{"a":[1,2.5,null,true]},"name":"Zoë"}',
        auth_time=1_799_999_999,
        acr="2",
        amr=("pwd", "otp"),
    )
    payload = payload_of(session(login))
    for name, value in {
        "aud": ["api", "other"],
        "scope": "read write",
        "tenant_id": "t",
        "auth_time": 1_799_999_999,
        "acr": "2",
        "amr": ["pwd", "otp"],
        "roles": ["admin"],
        "nested": {"a": [1, 2.5, None, True]},
        "name": "Zoë",
    }.items():
        assert payload[name] == value


def test_a_login_at_the_epoch_and_an_empty_tenant_are_said() -> None:
    payload = payload_of(session(replace(LOGIN, auth_time=0, tenant_id="", acr="")))
    assert (payload["auth_time"], payload["tenant_id"], payload["acr"]) == (0, "", "")


@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS))
def test_a_claim_of_ours_cannot_be_brought_along(name: str) -> None:
    """That holds for a claim that this login leaves out, too."""
    login = replace(LOGIN, claims_json=json.dumps({name: "forged"}))
    assert payload_of(session(login)) == payload_of(session())


def test_the_header_is_that_of_an_access_token() -> None:
    header = jwt.get_unverified_header(issuer().mint(session()).text)
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": signing_key().key_id}


@pytest.mark.parametrize("algorithm", KINDS)
def test_what_is_minted_is_what_would_be_parsed(algorithm: str) -> None:
    login = replace(
        LOGIN,
        subject="üñ\u2028\U0001f600",
        audiences=("a", "b"),
        amr=("pwd",),
        claims_json='{"x":[1e300,"\\u0000"]}',
    )
    minted = issuer(signing_key(algorithm)).mint(session(login))
    assert StrictTokenParser(MAX_TOKEN_BYTES).parse(minted.text.encode()) == minted.parsed


@given(
    subject=st.text(min_size=1, max_size=20, alphabet=st.characters(exclude_categories=["Cs"])),
    audiences=st.lists(st.text(min_size=1, max_size=5), max_size=3),
    claims=st.dictionaries(
        st.text(max_size=5),
        st.none() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5),
        max_size=4,
    ),
    generation=st.integers(0, 2**31),
)
def test_whatever_the_login_the_token_is_well_formed(
    subject: str, audiences: list[str], claims: dict[str, Any], generation: int
) -> None:
    text = json.dumps(claims)
    login = Login(
        ISSUER,
        subject,
        "app",
        audiences=tuple(audiences),
        claims_json="" if claims_object(text) is None else text,
    )
    minted = issuer().mint(session(login, generation=generation))
    assert StrictTokenParser(MAX_TOKEN_BYTES).parse(minted.text.encode()) == minted.parsed


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", KINDS)
def test_others_verify_our_tokens_with_our_published(algorithm: str) -> None:
    ours = issuer(signing_key(algorithm))
    text = ours.mint(session()).text
    published: Any = ours.jwks()
    key = jwt.PyJWKSet.from_dict(published).keys[0]
    by_pyjwt = jwt.decode(
        text, key, algorithms=[algorithm], audience="api", options={"verify_exp": False, "verify_iat": False}
    )
    assert by_pyjwt["sub"] == "alice"
    by_joserfc = jws.deserialize_compact(text, jwk.KeySet.import_key_set(published), algorithms=[algorithm])
    assert json.loads(by_joserfc.payload) == by_pyjwt


@pytest.mark.parametrize("algorithm", KINDS)
def test_our_own_loader_takes_our_published(algorithm: str) -> None:
    ours = issuer(signing_key(algorithm))
    parsed = ours.mint(session()).parsed
    key = load_key_set(json.dumps(ours.jwks()).encode(), algorithms={algorithm}, logger=SilentLogger())[
        parsed.key_id or ""
    ]
    assert key.algorithm == parsed.algorithm
    assert key.verifies(parsed.signing_input, parsed.signature)


@pytest.mark.parametrize("algorithm", KINDS)
def test_a_published_key_is_public_and_named_by_its_thumbprint(algorithm: str) -> None:
    """RFC7638-3."""
    (published,) = issuer(signing_key(algorithm)).jwks()["keys"]
    assert published["kid"] == jwk.import_key(dict(published)).thumbprint()
    assert (published["use"], published["alg"]) == ("sig", algorithm)
    assert published.keys() <= {"kty", "crv", "x", "y", "n", "e", "use", "alg", "kid"}


def test_the_same_generation_has_the_same_claims() -> None:
    first, second = issuer().mint(session()), issuer().mint(session())
    assert first.parsed.payload_json == second.parsed.payload_json


def test_each_generation_and_session_has_its_own_token_id() -> None:
    changes: list[dict[str, Any]] = [{}, {"generation": 8}, {"generation": 71}, {"id": SessionId(bytes(16))}]
    assert len({payload_of(session(**change))["jti"] for change in changes}) == len(changes)


def test_a_token_never_outlives_its_session() -> None:
    ending = session(absolute_expire_ms=REFRESHED_MS + 60_000)
    assert payload_of(ending)["exp"] == (REFRESHED_MS + 60_000) // 1000


def test_our_policy_accepts_what_we_mint() -> None:
    minted = issuer().mint(session(replace(LOGIN, scopes=("read",), tenant_id="t")))
    claims = read_claims(minted.parsed, POLICY)
    assert isinstance(claims, Claims)
    assert (claims.session_id, claims.session_start_ms, claims.tenant_id) == (
        str(session().id),
        CREATED_MS,
        "t",
    )
    assert judge_lifetime(token_facts(minted.parsed, POLICY)) is None
    assert judge_time(call_facts(claims, POLICY, now=REFRESHED_MS / 1000)) is None
    assert judge_time(call_facts(claims, POLICY, now=claims.expires_at)) is not None


async def test_the_first_key_signs_and_the_others_still_verify() -> None:
    old, new = signing_key(_number=1), signing_key(_number=2)
    before, after = issuer(old), issuer(new, old)
    minted = before.mint(session()).parsed
    key = after.key_set.find(old.key_id)
    assert key is not None
    assert key.verifies(minted.signing_input, minted.signature)
    assert after.mint(session()).parsed.key_id == new.key_id
    assert [published["kid"] for published in after.jwks()["keys"]] == [new.key_id, old.key_id]
    assert await after.key_set.seek(old.key_id) is key
    assert await after.key_set.seek("unknown") is None


def test_it_fits_its_ports() -> None:
    minter: TokenMinter = issuer()
    key_set: KeySet = issuer().key_set
    assert minter
    assert key_set.version == 1


def test_a_new_key_is_a_p_256_key_and_no_two_are_the_same() -> None:
    first, second = (SigningKey.from_pem(create_signing_key()) for _ in range(2))
    assert first.jwk["crv"] == "P-256"
    assert first.key_id != second.key_id


def test_older_pem_forms_are_read() -> None:
    for key in (KINDS["ES256"](), KINDS["RS256"]()):
        old, new = (
            SigningKey.from_pem(pem_of(key, form))
            for form in (PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8)
        )
        assert old.key_id == new.key_id


def unfit_pems() -> dict[str, bytes]:
    key = KINDS["ES256"]()
    return {
        "nothing": b"",
        "text": b"not a key",
        "broken": pem_of(key).replace(b"A", b"?"),
        "public": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "encrypted": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
        ),
        "X25519": pem_of(x25519.X25519PrivateKey.generate()),
        "DSA": pem_of(dsa.generate_private_key(1024)),
        "secp256k1": pem_of(ec.generate_private_key(ec.SECP256K1())),
        "RSA of 1024 bits": pem_of(rsa.generate_private_key(65537, 1024)),
        "RSA with exponent 3": pem_of(rsa.generate_private_key(3, 2048)),
    }


@pytest.mark.parametrize("kind", unfit_pems())
def test_an_unfit_key_is_refused_without_a_word_of_it(kind: str) -> None:
    pem = unfit_pems()[kind]
    with pytest.raises(KeyUnfitError) as caught:
        SigningKey.from_pem(pem)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_an_issuer_needs_distinct_keys_and_a_lifetime() -> None:
    with pytest.raises(ValueError, match="key"):
        LocalIssuer([], access_lifetime=timedelta(minutes=15))
    with pytest.raises(ValueError, match="twice"):
        issuer(signing_key(), signing_key())
    with pytest.raises(ValueError, match="second"):
        issuer(access_lifetime=timedelta(milliseconds=999))


def test_nothing_of_a_secret_shows_in_a_repr() -> None:
    minted = issuer().mint(session())
    assert minted.text not in repr(minted)
    assert "alice" not in repr(minted)
    assert "PRIVATE" not in repr(signing_key())
