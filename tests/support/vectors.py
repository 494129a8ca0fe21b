"""Tokens, key sets and proofs as `tests/vectors` describes them; its README has the format."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from jwt.algorithms import get_default_algorithms

from sessiond_server.adapters.jwt.dpop import read_proof
from sessiond_server.adapters.jwt.jwk import KeySetMalformedError, load_key_set
from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.adapters.jwt.thumbprint import thumbprint
from sessiond_server.adapters.jwt.verification import PublicKey
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.confirmation import ClientCertificate, DpopProof, PossessionProof
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.storage.proofs import ProofMemory
from sessiond_server.service.validation.proof_of_possession import ProofOfPossession
from sessiond_server.service.validation.signed import SignedTokens, TrustedIssuer
from sessiond_server.service.validation.token_cache import TokenCache
from sessiond_server.service.validation.validate import Validation
from tests.support.fakes import FakeClock, FakeRevocations, SilentLogger

JsonObject = dict[str, Any]

FOLDER = Path(__file__).parent.parent / "vectors"
SECTIONS: dict[str, JsonObject] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
    if path.stem not in {"defaults", "hashed-ids"} and not path.stem.startswith("browser-")
}
HASHED_IDS: list[JsonObject] = json.loads((FOLDER / "hashed-ids.json").read_text(encoding="utf-8"))[
    "hashed_ids"
]
DEFAULTS: JsonObject = json.loads((FOLDER / "defaults.json").read_text(encoding="utf-8"))
NOW: int = DEFAULTS["now"]
MAX_TOKEN_BYTES = 8192
KEYS: JsonObject = DEFAULTS["keys"]
_PUBLIC_MEMBERS = {"kty", "crv", "x", "y", "n", "e", "alg"}
_FORM_HEADER = '{"alg":"RS256","typ":"at+jwt","kid":"k1"}'
_FORM_PAYLOAD = '{"iss":"https://issuer.example","sub":"s"}'
_FORM_SIGNATURE = "c2ln"


def cases(group: str) -> list[JsonObject]:
    """All cases of one group, from every section."""
    return [case for section in SECTIONS.values() for case in section.get(group, [])]


def name_of(case: JsonObject) -> str:
    return f"{case['id']}: {case['name']}"


def token_of_form(case: JsonObject) -> bytes:
    """A form is a whole `token`, or segments whose texts, encodings and signature have defaults."""
    if "token" in case:
        return written_out(case["token"]).encode()
    header, payload = parts_of_form(case)
    form: str = case.get("form", "{h}.{p}.{s}")
    return form.format(
        h=to_base64url(header), p=to_base64url(payload), s=case.get("signature", _FORM_SIGNATURE)
    ).encode()


def parts_of_form(case: JsonObject) -> tuple[bytes, bytes]:
    """Header and payload of a form, before they become segments."""
    header = _encoded(written_out(case.get("header", _FORM_HEADER)), case.get("header_encoding", "utf-8"))
    payload = _encoded(written_out(case.get("payload", _FORM_PAYLOAD)), case.get("payload_encoding", "utf-8"))
    return header, payload


async def verdict_of(case: JsonObject) -> str | None:
    """The reason that the whole path gives, from size to binding; None for an acceptance."""
    token = token_of(case).encode()
    validation = validation_of(case)
    proof = _given_proof(case, token)
    for _ in range(case.get("proof", {}).get("times", 1)):
        result = await validation.validate(token, Requirements(), proof=proof)
    return result.verdict.reason.name if isinstance(result.verdict, Rejected) else None


def written_out(pieces: str | list[list[Any]]) -> str:
    """A text, or one of which each part is there as often as is said."""
    return pieces if isinstance(pieces, str) else "".join(text * times for text, times in pieces)


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode("utf-8", "surrogatepass") if encoding == "surrogatepass" else text.encode(encoding)


def token_of(case: JsonObject) -> str:
    """The token of a verdict's case."""
    if "token" in case:
        return str(case["token"])
    header, claims = _parts(case, DEFAULTS["header"], DEFAULTS["claims"])
    if isinstance(claims.get("cnf"), dict):
        claims["cnf"] = {name: _thumbprint_or(value) for name, value in claims["cnf"].items()}
    key = case.get("key") or (header["kid"] if header.get("kid") in KEYS else "es256")
    return _signed(header, claims, key=key, signature=case.get("signature"))


def _parts(case: JsonObject, header: JsonObject, claims: JsonObject) -> tuple[JsonObject, JsonObject]:
    """The defaults with the case's changes, and without what it leaves out."""
    parts = {"header": header | case.get("header", {}), "claims": claims | case.get("claims", {})}
    for path in case.get("without", []):
        part, _, name = path.partition(".")
        del parts[part][name]
    return parts["header"], parts["claims"]


def _thumbprint_or(value: Any) -> Any:
    """`$thumbprint of NAME` stands for the RFC 7638 thumbprint of a key of the defaults."""
    mark = "$thumbprint of "
    return (
        thumbprint(KEYS[value.removeprefix(mark)])
        if isinstance(value, str) and value.startswith(mark)
        else value
    )


def _signed(header: JsonObject, claims: JsonObject, *, key: str, signature: str | None) -> str:
    signing_input = f"{to_base64url(json.dumps(header).encode())}.{to_base64url(json.dumps(claims).encode())}"
    return (
        f"{signing_input}."
        f"{signature_of(header, signing_input.encode(), key=key) if signature is None else signature}"
    )


def signature_of(header: JsonObject, signing_input: bytes, *, key: str) -> str:
    """The signature by a key of the defaults, with the algorithm of the header."""
    name = "EdDSA" if header["alg"] == "Ed25519" else header["alg"]
    algorithm = get_default_algorithms()[name]
    return to_base64url(algorithm.sign(signing_input, algorithm.from_jwk(KEYS[key])))


def _given_proof(case: JsonObject, token: bytes) -> PossessionProof | None:
    if "certificate_sha256" in case:
        return ClientCertificate(bytes.fromhex(case["certificate_sha256"]))
    if "proof" not in case:
        return None
    proof, default = case["proof"], DEFAULTS["proof"]
    return DpopProof(_proof_of(proof, token).encode(), default["method"], default["url"])


def _proof_of(proof: JsonObject, token: bytes) -> str:
    if "text" in proof:
        return str(proof["text"])
    key = proof.get("key", "es256")
    default = DEFAULTS["proof"]
    header, claims = _parts(
        proof,
        default["header"] | {"jwk": _public(KEYS[proof.get("jwk", key)])},
        default["claims"] | {"ath": to_base64url(hashlib.sha256(token).digest())},
    )
    return _signed(header, claims, key=key, signature=proof.get("signature"))


def _public(jwk: JsonObject) -> JsonObject:
    return {name: value for name, value in jwk.items() if name in _PUBLIC_MEMBERS}


def _published(entry: Any) -> Any:
    """A key of a set.

    The case gives a name of the defaults, such a key with changes, or whatever else it writes there.
    """
    if isinstance(entry, str) and entry in KEYS:
        entry = {"of": entry}
    if not isinstance(entry, dict) or "of" not in entry:
        return entry
    changes = {name: value for name, value in entry.items() if name not in {"of", "without"}}
    jwk = _public(KEYS[entry["of"]]) | {"kid": entry["of"]} | changes
    return {name: value for name, value in jwk.items() if name not in entry.get("without", [])}


class _PublishedKeys:
    """A `KeySet` of what was published, at a moment at which asking again brings nothing new."""

    version = 1
    good_for_seconds = 3600.0

    def __init__(self, keys: dict[str, PublicKey]) -> None:
        self.keys = keys

    def find(self, key_id: str) -> PublicKey | None:
        return self.keys.get(key_id)

    async def seek(self, _key_id: str, **_: bool) -> PublicKey | None:
        return None


class UsedProofs(ProofMemory):
    """The proofs of one test, by the clock that stands for the store's."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self._clock = clock or FakeClock(0)
        self._used: dict[bytes, float] = {}

    async def use_up(self, hashed_proof: bytes, *, good_until: float) -> bool:
        is_usable = await self.is_usable(hashed_proof, good_until=good_until)
        if is_usable:
            self._used[hashed_proof] = good_until
        return is_usable

    async def is_usable(self, hashed_proof: bytes, *, good_until: float) -> bool:
        now = self._clock.now()
        return now < good_until and self._used.get(hashed_proof, 0) <= now


def validation_of(case: JsonObject) -> Validation:
    """The whole path, for the issuers and at the time of the case."""
    clock = FakeClock(NOW)
    signed = SignedTokens(
        [trusted_of(issuer, case) for issuer in DEFAULTS["issuers"]],
        parser=StrictTokenParser(MAX_TOKEN_BYTES),
        cache=TokenCache(max_bytes=1 << 20),
        max_token_bytes=MAX_TOKEN_BYTES,
        encode=lambda claims: claims.payload_json.encode(),
    )
    return Validation(
        signed,
        revocations=FakeRevocations(),
        possession=ProofOfPossession(read_proof=read_proof, memory=UsedProofs(), clock=clock),
        clock=clock,
    )


def key_set_of(issuer: str, case: JsonObject) -> JsonObject:
    """What an issuer publishes: the case's `keys` are those of the default claims' issuer."""
    default = DEFAULTS["issuers"][issuer]["keys"]
    published = case.get("keys", default) if issuer == DEFAULTS["claims"]["iss"] else default
    return {"keys": [_published(entry) for entry in published]}


def trusted_of(issuer: str, case: JsonObject) -> TrustedIssuer:
    """The case's `policy` is that of the default claims' issuer."""
    default = DEFAULTS["issuers"][issuer]
    is_in_question = issuer == DEFAULTS["claims"]["iss"]
    policy = _policy(issuer, default["policy"] | (case.get("policy", {}) if is_in_question else {}))
    try:
        keys = load_key_set(key_set_of(issuer, case), algorithms=policy.algorithms, logger=SilentLogger())
    except KeySetMalformedError:
        keys = {}
    return TrustedIssuer(policy, _PublishedKeys(keys))


def _policy(issuer: str, members: JsonObject) -> IssuerPolicy:
    changes: JsonObject = {}
    for name, value in members.items():
        if name.endswith("_seconds"):
            changes[name.removesuffix("_seconds")] = timedelta(seconds=value)
        else:
            changes[name] = tuple(value) if name == "required_claims" else frozenset(value)
    return IssuerPolicy(issuer, **changes)
