"""Which keys of a JWK set are used, and what is said of the others (RFC 7517, RFC 7518 §6, RFC 8037)."""

from __future__ import annotations

import base64
import functools
import json
import math
import random
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from sessiond_server.adapters.jwt.jwk import KeySetMalformedError, load_embedded_key, load_key_set
from sessiond_server.adapters.jwt.roca import has_roca_fingerprint
from sessiond_server.adapters.jwt.verification import KeyUnfitError, PublicKey
from sessiond_server.domain.policy import SIGNATURE_ALGORITHMS
from tests.support.fakes import RecordingLogger

ALL = SIGNATURE_ALGORITHMS


def text_of(number: int, width: int | None = None) -> str:
    raw = number.to_bytes(width or (number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@functools.cache
def _key_pair(kind: str) -> Any:
    match kind:
        case "RSA":
            return rsa.generate_private_key(65537, 2048)
        case "Ed25519":
            return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(
        {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[kind]
    )


def _members(kind: str, key: Any) -> dict[str, Any]:
    algorithm: Any = {"RSA": RSAAlgorithm, "Ed25519": OKPAlgorithm}.get(kind, ECAlgorithm)
    members: dict[str, Any] = algorithm.to_jwk(key, as_dict=True)
    members.pop("key_ops", None)
    return members


def jwk(kind: str = "P-256", **changes: Any) -> dict[str, Any]:
    """A public JWK; a change to `...` takes the member away."""
    members = _members(kind, _key_pair(kind).public_key()) | {"kid": "k1"} | changes
    return {name: value for name, value in members.items() if value is not ...}


def private_jwk(kind: str, **changes: Any) -> dict[str, Any]:
    return _members(kind, _key_pair(kind)) | {"kid": "k1"} | changes


def load(
    *keys: Any, algorithms: frozenset[str] = ALL, logger: RecordingLogger | None = None, **uses: Any
) -> dict[str, PublicKey]:
    logger = logger or RecordingLogger()
    return load_key_set({"keys": list(keys)}, algorithms=algorithms, logger=logger, **uses)


def refused(key: Any, *, algorithms: frozenset[str] = ALL) -> str:
    """The level at which a key is refused beside a good one, which is not harmed."""
    logger = RecordingLogger()
    assert list(load(key, jwk(kid="good"), algorithms=algorithms | {"ES256"}, logger=logger)) == ["good"]
    (level,) = logger.levels
    return level


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("RSA", "RS256"), ("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512"), ("Ed25519", "Ed25519")],
)
def test_a_key_without_alg_is_bound_by_its_type_and_curve(kind: str, algorithm: str) -> None:
    assert load(jwk(kind))["k1"].algorithm == algorithm


@pytest.mark.parametrize(
    ("allowed", "algorithm"),
    [
        ({"PS256", "RS256"}, "RS256"),
        ({"PS256"}, "PS256"),
        ({"PS512", "RS384", "PS384"}, "RS384"),
        ({"PS512", "ES256"}, "PS512"),
    ],
)
def test_an_rsa_key_without_alg_takes_the_first_algorithm_that_its_issuer_may_use(
    allowed: set[str], algorithm: str
) -> None:
    assert load(jwk("RSA"), algorithms=frozenset(allowed))["k1"].algorithm == algorithm


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "RS512"])
def test_alg_binds_a_key(algorithm: str) -> None:
    """RFC7517-4.4."""
    assert load(jwk("RSA", alg=algorithm))["k1"].algorithm == algorithm


@pytest.mark.parametrize("name", ["EdDSA", "Ed25519"])
def test_ed25519_goes_by_two_names(name: str) -> None:
    """RFC9864: in the key, and in what the issuer is allowed."""
    assert load(jwk("Ed25519", alg=name), algorithms=frozenset({"EdDSA"}))["k1"].algorithm == "Ed25519"
    assert load(jwk("Ed25519", alg=name), algorithms=frozenset({"Ed25519"}))["k1"].algorithm == "Ed25519"


def test_an_algorithm_that_the_issuer_is_not_allowed_is_left_out() -> None:
    assert refused(jwk("RSA", alg="PS256"), algorithms=frozenset({"RS256"})) == "info"
    assert refused(jwk("RSA"), algorithms=frozenset({"ES384"})) == "info"


@pytest.mark.parametrize("algorithm", ["HS256", "none", "ES521", "ES256K", "RSA-OAEP-256", "rs256"])
def test_an_algorithm_that_is_never_accepted_is_left_out(algorithm: str) -> None:
    assert refused(jwk("RSA", alg=algorithm)) == "info"


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("RSA", "ES256"), ("P-256", "ES384"), ("P-256", "RS256"), ("Ed25519", "ES256")]
)
def test_an_algorithm_that_does_not_fit_the_key_is_refused(kind: str, algorithm: str) -> None:
    assert refused(jwk(kind, alg=algorithm)) == "warning"


@pytest.mark.parametrize("alg", [None, 1, ["ES256"]])
def test_an_alg_that_is_no_string_is_refused(alg: Any) -> None:
    assert refused(jwk(alg=alg)) == "warning"


def test_a_key_for_signatures_is_taken() -> None:
    assert "k1" in load(jwk(use="sig", key_ops=["verify"]))
    assert "k1" in load(jwk(key_ops=["sign", "verify"]))


@pytest.mark.parametrize("use", ["enc", "", "SIG", None, 1, ["sig"], "jwt-svid", "x509-svid"])
def test_a_use_other_than_sig_never_verifies(use: Any) -> None:
    """RFC7517-4.2."""
    assert refused(jwk(use=use)) == "info"


def test_what_keys_are_for_may_be_another_use_too() -> None:
    svids = {"uses": ("sig", "jwt-svid")}
    assert list(load(jwk(use="jwt-svid"), jwk(kid="k2", use="x509-svid"), jwk(kid="k3"), **svids)) == [
        "k1",
        "k3",
    ]
    # It shares its `kid` only with keys that are for the same.
    assert list(load(jwk(use="jwt-svid"), jwk(use="x509-svid"), **svids)) == ["k1"]
    assert not load(jwk(use="jwt-svid"), jwk(), **svids)


@pytest.mark.parametrize(
    ("operations", "level"),
    [
        ([], "info"),
        (["sign"], "info"),
        (["encrypt"], "info"),
        (["verify", "encrypt"], "info"),
        (["verify", "verify"], "warning"),
        ("verify", "warning"),
        (None, "warning"),
        ([1], "warning"),
        ([["verify"]], "warning"),
    ],
)
def test_key_ops_without_verify_never_verify(operations: Any, level: str) -> None:
    """RFC7517-4.3."""
    assert refused(jwk(key_ops=operations)) == level


@pytest.mark.parametrize("kid", [..., None, 1, "", "a b", "k\n", "é", "k" * 257, ["k1"]])
def test_a_key_that_nobody_can_name_is_left_out(kid: Any) -> None:
    assert refused(jwk(kid=kid)) == "warning"


def test_a_kid_of_two_keys_names_neither() -> None:
    """RFC7517-4.5; wycheproof jwk-4."""
    logger = RecordingLogger()
    keys = load(jwk(kid="twice"), jwk("RSA", kid="twice"), jwk("Ed25519", kid="once"), logger=logger)
    assert list(keys) == ["once"]
    assert logger.levels == ["error", "error"]


def test_the_same_key_twice_is_no_exception() -> None:
    assert load(jwk(), jwk()) == {}


def test_a_good_key_is_not_taken_beside_a_spoilt_one_of_its_name() -> None:
    assert load(jwk(), jwk(x="AAAA")) == {}
    assert load(private_jwk("P-256"), jwk()) == {}


def test_a_key_for_encryption_may_share_the_kid() -> None:
    assert list(load(jwk(use="sig"), jwk("RSA", use="enc"))) == ["k1"]


@pytest.mark.parametrize("kind", ["RSA", "P-256", "Ed25519"])
def test_a_published_private_key_is_an_alarm(kind: str) -> None:
    assert refused(private_jwk(kind)) == "error"
    assert refused(private_jwk(kind, use="enc")) == "error"


def roca_modulus(bits: int = 2048) -> int:
    """A modulus of the form that the broken generator gave to its own; nobody has to know its factors."""
    product = math.prod(prime for prime in range(2, 168) if all(prime % n for n in range(2, prime)))
    high = (1 << (bits - 1)) // product + secrets.randbelow(1 << 64)
    return pow(65537, secrets.randbelow(1 << 64), product) + product * high


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
@pytest.mark.parametrize("alg", [..., "RS256", "PS512"])
def test_a_key_of_a_broken_generator_is_an_alarm_and_harms_no_other(bits: int, alg: Any) -> None:
    """CVE-2017-15361; RFC8725-3.5."""
    assert refused(jwk("RSA", n=text_of(roca_modulus(bits)), alg=alg)) == "error"


def test_a_proof_brings_no_key_of_a_broken_generator() -> None:
    weak = jwk("RSA", n=text_of(roca_modulus()))
    with pytest.raises(KeyUnfitError, match="factored"):
        load_embedded_key(weak, algorithm="RS256")


def test_a_key_that_was_in_the_world_is_known_by_its_modulus() -> None:
    """The sample of the researchers' own tool."""
    sample = (
        "944e13208a280c37efc31c3114485e590192adbb8e11c87cad60cdef0037ce99"
        "278330d3f471a2538fa667802ed2a3c44a8b7dea826e888d0aa341fd664f7fa7"
    )
    assert has_roca_fingerprint(int(sample, 16))


def test_no_other_modulus_is_taken_for_one_of_a_broken_generator() -> None:
    generator = random.Random(15361)
    moduli = (generator.getrandbits(2048) | 1 | 1 << 2047 for _ in range(20_000))
    assert not any(map(has_roca_fingerprint, moduli))
    assert not any(
        has_roca_fingerprint(rsa.generate_private_key(65537, 2048).public_key().public_numbers().n)
        for _ in range(5)
    )


def test_a_published_secret_is_an_alarm() -> None:
    assert refused({"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"}) == "error"
    assert refused({"kty": "oct", "kid": "k1"}) == "error"
    assert refused(jwk(k="c2VjcmV0")) == "error"


def test_the_log_has_nothing_of_a_key_but_its_name() -> None:
    logger = RecordingLogger()
    secret = private_jwk("P-256", kid="leaked")
    load(secret, logger=logger)
    assert secret["d"] not in str(logger.lines)
    assert logger.lines[0][2] == {"key_id": "leaked", "why": "the key is secret, and was published"}


@pytest.mark.parametrize("key", [None, 1, "key", [], {}, {"kid": "k1"}, {"kty": "EC"}])
def test_what_is_no_key_is_left_out(key: Any) -> None:
    assert refused(key) in ("warning", "info")


@pytest.mark.parametrize("kty", [..., None, 1, "ec", "AKP", "unknown", ["EC"], {}])
def test_an_unknown_kind_of_key_is_left_out(kty: Any) -> None:
    """RFC7517-5."""
    assert refused(jwk(kty=kty)) == "info"


@pytest.mark.parametrize("crv", [..., None, 1, "secp256k1", "p-256", "P-224", ["P-256"]])
def test_an_unknown_curve_is_left_out(crv: Any) -> None:
    assert refused(jwk(crv=crv)) == "info"


@pytest.mark.parametrize("crv", ["Ed448", "X25519", ...])
def test_other_curves_of_an_octet_key_pair_are_left_out(crv: Any) -> None:
    assert refused(jwk("Ed25519", crv=crv)) == "info"


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521"])
@pytest.mark.parametrize("name", ["x", "y"])
def test_a_coordinate_has_the_width_of_its_curve(kind: str, name: str) -> None:
    raw = base64.urlsafe_b64decode(jwk(kind)[name] + "==")
    for other in (raw[1:], b"\0" + raw, b"", raw * 2):
        assert (
            refused(jwk(kind, **{name: base64.urlsafe_b64encode(other).rstrip(b"=").decode()})) == "warning"
        )


def test_a_point_lies_on_its_curve() -> None:
    """RFC8725-3.4: invalid-curve attacks; the origin stands for the point at infinity."""
    assert refused(jwk(y=text_of(1, 32))) == "warning"
    assert refused(jwk(x=text_of(0, 32), y=text_of(0, 32))) == "warning"
    assert refused(jwk(x=jwk("P-384")["x"], y=jwk("P-384")["y"])) == "warning"
    assert refused(jwk(x=text_of(2**256 - 1, 32))) == "warning"


@pytest.mark.parametrize("member", ["x", "y"])
@pytest.mark.parametrize("value", [..., None, 1, ["AAAA"], "AAAA=", "A A", "é", "+/+/"])
def test_a_coordinate_is_base64url(member: str, value: Any) -> None:
    assert refused(jwk(**{member: value})) == "warning"


@pytest.mark.parametrize("intruder", ["\n", " ", "=", ".", "+", "é", "\0"])
def test_characters_that_other_decoders_skip_are_refused(intruder: str) -> None:
    x = jwk()["x"]
    assert refused(jwk(x=x[:20] + intruder * 4 + x[20:])) == "warning"


def test_stray_bits_in_a_member_are_refused() -> None:
    x = jwk()["x"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert refused(jwk(x=x[:-1] + alphabet[alphabet.index(x[-1]) + 1])) == "warning"


@pytest.mark.parametrize("x", ["", "AAAA", "A" * 44, ..., 1])
def test_an_ed25519_key_has_32_bytes(x: Any) -> None:
    assert refused(jwk("Ed25519", x=x)) == "warning"


@pytest.mark.parametrize("bits", [8, 512, 1024, 2040, 2047, 8193, 16_384, 200_000])
def test_a_modulus_has_2048_to_8192_bits(bits: int) -> None:
    """RFC7518-3.3: weak below, and above a way to make us work."""
    assert refused(jwk("RSA", n=text_of(2**bits - 1))) == "warning"


@pytest.mark.parametrize("bits", [2048, 4096, 8192])
def test_a_modulus_of_any_size_between_is_taken(bits: int) -> None:
    assert "k1" in load(jwk("RSA", n=text_of(2**bits - 1)))


@pytest.mark.parametrize("n", [2**2048 - 2, 0])
def test_an_even_modulus_is_refused(n: int) -> None:
    assert refused(jwk("RSA", n=text_of(n, 256))) == "warning"


@pytest.mark.parametrize(
    "e", [0, 1, 2, 3, 17, 65_535, 65_536, 65_538, 2**32, 2**32 + 1, 2**64 + 1, 2**2047 + 1, 2**4096 + 1]
)
def test_an_exponent_is_odd_and_between_65537_and_2_to_the_32(e: int) -> None:
    assert refused(jwk("RSA", e=text_of(e, max(1, (e.bit_length() + 7) // 8)))) == "warning"


@pytest.mark.parametrize("e", [65_537, 65_539, 2**32 - 1])
def test_other_exponents_of_that_range_are_taken(e: int) -> None:
    assert "k1" in load(jwk("RSA", e=text_of(e)))


def test_unknown_members_are_ignored() -> None:
    """RFC7517-4."""
    assert "k1" in load(jwk(x5c=["AAAA"], x5t="AAAA", issuer="x", nbf=1))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":null}',
        b"<html></html>",
        b'{"keys":[',
        b'{"keys":[],"keys":[]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_key_set_is_refused_as_a_whole(document: bytes) -> None:
    with pytest.raises(KeySetMalformedError):
        load_key_set(document, algorithms=ALL, logger=RecordingLogger())


def test_a_deep_document_is_refused_as_a_whole() -> None:
    deep = b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(KeySetMalformedError) as caught:
        load_key_set(deep, algorithms=ALL, logger=RecordingLogger())
    assert len(str(caught.value)) < 80


def test_an_issuer_has_at_most_64_keys() -> None:
    keys = [jwk(kid=str(number)) for number in range(65)]
    assert len(load(*keys[:64])) == 64
    with pytest.raises(KeySetMalformedError):
        load(*keys)


def test_64_keys_with_all_their_members_fit() -> None:
    keys = [
        jwk("RSA", kid=str(number), use="sig", alg="RS256", x5c=["A" * 1500], x5t="AAAA", **{"x5t#S256": "A"})
        for number in range(64)
    ]
    document = json.dumps({"keys": keys}).encode()
    assert len(load_key_set(document, algorithms=ALL, logger=RecordingLogger())) == 64


def test_a_set_may_be_empty() -> None:
    assert load_key_set(b'{"keys":[]}', algorithms=ALL, logger=RecordingLogger()) == {}


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["kty", "crv", "kid", "alg", "use", "key_ops", "n", "e", "x", "y", "d"]),
            st.sampled_from(
                ["RSA", "EC", "OKP", "P-256", "Ed25519", "sig", "RS256", "AQAB", "k1", "A" * 43, ["verify"]]
            )
            | st.text(max_size=5)
            | st.none()
            | st.integers(),
        )
        | st.none()
        | st.text(max_size=3),
        max_size=4,
    )
)
def test_no_key_harms_the_others(keys: list[Any]) -> None:
    assert "good" in load(*keys, jwk(kid="good"))
