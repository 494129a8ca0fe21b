"""What the Python client refuses before anything is sent, so that no demand and no proof goes unheard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessiond import FULLY_CONSISTENT, AtLeast, AuthorizationCode, DpopProof, ProviderTokens, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

ONE_TOKEN: dict[str, Callable[[Any], Message]] = {
    "validate": lambda given: requests.validate("t", given),
    "create_local": lambda given: requests.create_local("alice", given),
    "create_from_tokens": lambda given: requests.create_from_tokens("i", ProviderTokens("a", "r"), given),
    "create_from_code": lambda given: requests.create_from_code(
        "i", AuthorizationCode("c", "https://a", "v"), given
    ),
    "refresh": lambda given: requests.refresh("r", given),
    "adopt": lambda given: requests.adopt("i", "r", given),
}
ALL = {**ONE_TOKEN, "validate_all": lambda given: requests.validate_all(["t"], given)}
CERTIFICATE, DPOP = bytes(32), DpopProof("p", "GET", "https://a/")


@pytest.mark.parametrize("name", ALL)
def test_a_keyword_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'required_scopes': allowed are "):
        ALL[name]({"required_scopes": ["orders:read"]})


@pytest.mark.parametrize("keyword", ["certificate_sha256", "dpop"])
def test_a_batch_takes_no_proof(keyword: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{keyword}'"):
        ALL["validate_all"]({keyword: CERTIFICATE})


@pytest.mark.parametrize("name", ONE_TOKEN)
def test_two_proofs_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match="certificate_sha256 and dpop exclude each other"):
        ONE_TOKEN[name]({"certificate_sha256": CERTIFICATE, "dpop": DPOP})


@pytest.mark.parametrize("name", ONE_TOKEN)
@pytest.mark.parametrize("proof", [{"certificate_sha256": CERTIFICATE}, {"dpop": DPOP}])
def test_one_proof_is_sent(name: str, proof: dict[str, Any]) -> None:
    (kind,) = proof
    assert ONE_TOKEN[name]({**proof}).proof.WhichOneof("proof") == kind
    other = {"certificate_sha256", "dpop"} - {kind}
    assert ONE_TOKEN[name]({**proof, other.pop(): None}).proof.WhichOneof("proof") == kind


@pytest.mark.parametrize("ask", [requests.validate, requests.validate_all])
def test_a_consistency_is_sent_as_it_is_demanded(ask: Callable[..., Any]) -> None:
    assert not ask("t", {}, None).HasField("consistency")
    full = ask("t", {}, FULLY_CONSISTENT).consistency
    assert full.WhichOneof("requirement") == "fully_consistent"
    at_least = ask("t", {}, AtLeast("r")).consistency
    assert at_least.WhichOneof("requirement") == "at_least_as_fresh"
    assert at_least.at_least_as_fresh.revision == "r"
    with pytest.raises(TypeError, match=r"consistency is FULLY_CONSISTENT, .* not str"):
        ask("t", {}, "fully_consistent")
