"""The form of a token.

`tests/vectors` has the single cases, each by its requirement; here is what is more than a case.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws

from sessiond_server.adapters.jwt.parser import StrictTokenParser, claims_object
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.token import ParsedToken
from tests.support.vectors import MAX_TOKEN_BYTES

HEADER = '{"alg":"RS256","typ":"at+jwt","kid":"k1"}'
PAYLOAD = '{"iss":"https://issuer.example","sub":"s"}'
SIGNATURE = "c2ln"

parse = StrictTokenParser(MAX_TOKEN_BYTES).parse


def token_of(
    header: str | bytes = HEADER, payload: str | bytes = PAYLOAD, signature: str = SIGNATURE
) -> bytes:
    parts = (part.encode() if isinstance(part, str) else part for part in (header, payload))
    return ".".join([*map(to_base64url, parts), signature]).encode()


def test_the_parts_are_the_bytes_as_received() -> None:
    token = token_of(payload='{"b": 1.0,\n "a":2}', signature="_-8")
    parsed = parse(token)
    assert parsed == ParsedToken(
        algorithm="RS256",
        key_id="k1",
        token_type="at+jwt",
        payload={"b": 1.0, "a": 2},
        payload_json='{"b": 1.0,\n "a":2}',
        signing_input=token.rpartition(b".")[0],
        signature=b"\xff\xef",
    )


@pytest.mark.parametrize(
    ("payload", "issuer"),
    [('{"iss":"a"}', "a"), ('{"iss":["a"]}', None), ('{"iss":null}', None), ("{}", None)],
)
def test_only_a_string_is_an_issuer(payload: str, issuer: str | None) -> None:
    parsed = parse(token_of(payload=payload))
    assert parsed is not None
    assert parsed.issuer == issuer


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    assert parse(token_of(payload=b'{"a":"\xff"}')) is None
    assert parse(token_of(payload=b'{"a":"\xc0\xaf"}')) is None
    assert parse(b"\xff.\xff.\xff") is None


def test_the_limit_counts_the_last_byte() -> None:
    token = token_of()
    assert StrictTokenParser(len(token)).parse(token) is not None
    assert StrictTokenParser(len(token) - 1).parse(token) is None


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_signature_has_one_spelling(length: int) -> None:
    spelling = to_base64url(bytes(range(length)))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = [last for last in alphabet if _decodes_to(spelling[:-1] + last, bytes(range(length)))]
    assert accepted == [spelling[-1]]


def _decodes_to(signature: str, raw: bytes) -> bool:
    parsed = parse(token_of(signature=signature))
    return parsed is not None and parsed.signature == raw


def test_a_caller_at_the_end_of_its_stack_gets_an_answer_all_the_same() -> None:
    deep = token_of(payload='{"a":' + "[" * 60 + "]" * 60 + "}")
    answers = []

    def sink(levels: int) -> None:
        if levels:
            sink(levels - 1)
        else:
            answers.append(StrictTokenParser(MAX_TOKEN_BYTES).parse(deep))

    room = sys.getrecursionlimit() - _stack_depth()
    for left in (60, 40, 30, 20):
        sink(room - left)
    assert len(answers) == 4


def _stack_depth() -> int:
    frame, depth = sys._getframe(), 0
    while frame := frame.f_back:  # type: ignore[assignment]
        depth += 1
    return depth


def test_a_header_that_was_seen_before_is_read_no_other_way() -> None:
    parser = StrictTokenParser(MAX_TOKEN_BYTES)
    for _ in range(2):
        assert parser.parse(token_of(header='{"alg":"RS256","crit":[]}')) is None
        for algorithm in ("RS256", "ES256"):
            parsed = parser.parse(token_of(header=f'{{"alg":"{algorithm}"}}'))
            assert parsed is not None
            assert parsed.algorithm == algorithm
    assert parser.parse(token_of()) == parser.parse(token_of()) == parse(token_of())


def test_nothing_of_a_token_shows_in_its_repr() -> None:
    parsed = parse(token_of())
    assert "issuer.example" not in repr(parsed)
    assert "c2ln" not in repr(parsed)


@given(st.binary(max_size=300))
@example(b"")
@example(b"..")
def test_any_bytes_get_an_answer(token: bytes) -> None:
    assert parse(token) is None or token.count(b".") == 2


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(min_size=1, max_size=60))
def test_any_segments_get_an_answer(header: bytes, payload: bytes, signature: bytes) -> None:
    parse(token_of(header, payload, to_base64url(signature)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=4), values, max_size=4),
    max_leaves=12,
)
headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["RS256", "none", "EdDSA", ""])},
    optional={
        "kid": st.text(max_size=4) | st.just("k1") | json_values,
        "typ": st.sampled_from(["JWT", "application/at+jwt"]) | json_values,
        "cty": st.just("JWT"),
        "crit": st.just(["exp"]),
        "x": json_values,
    },
)


@st.composite
def json_texts(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> str:
    """JSON, mostly; sometimes spoilt in one place."""
    text = json.dumps(
        draw(values),
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", " : ")])),
    )
    if draw(st.integers(0, 3)):
        return text
    place = draw(st.integers(0, len(text)))
    spoiling = draw(
        st.sampled_from(
            ['"', "\\", "{", "}", "[", "]", ",", ":", "1", "\ufeff", "\\ud800", "NaN", '"a":1,', '"sub":"x",']
        )
    )
    return text[:place] + spoiling + text[place + draw(st.integers(0, 2)) :]


@given(
    json_texts(headers),
    json_texts(st.dictionaries(st.text(max_size=4) | st.just("sub"), json_values, max_size=6)),
)
def test_what_is_accepted_other_libraries_read_the_same_way(header: str, payload: str) -> None:
    token = token_of(header.encode("utf-8", "surrogatepass"), payload.encode("utf-8", "surrogatepass"))
    parsed = parse(token)
    if parsed is None:
        return
    by_pyjwt = jwt.decode_complete(token, options={"verify_signature": False})
    by_joserfc = jws.extract_compact(token)
    assert parsed.payload == by_pyjwt["payload"] == json.loads(by_joserfc.payload)
    assert parsed.payload == json.loads(parsed.payload_json)
    assert parsed.key_id == by_pyjwt["header"].get("kid") == by_joserfc.headers().get("kid")
    assert parsed.signature == by_pyjwt["signature"]
    assert parsed.algorithm in (by_joserfc.headers()["alg"], "Ed25519")


@given(
    st.dictionaries(
        st.text(max_size=6), st.integers(-(2**63), 2**63) | st.text(max_size=6) | st.booleans(), max_size=8
    )
)
def test_every_plain_payload_is_accepted(payload: dict[str, Any]) -> None:
    for escaping in (True, False):
        parsed = parse(token_of(payload=json.dumps(payload, ensure_ascii=escaping)))
        assert parsed is not None
        assert parsed.payload == payload


@given(st.text(max_size=80) | json_texts(json_values))
def test_claims_are_read_as_strictly_as_a_payload(text: str) -> None:
    parsed = parse(token_of(payload=text.encode("utf-8", "surrogatepass")))
    assert claims_object(text) == (parsed.payload if parsed else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"a":1,"a":2}',
        '{"a":NaN}',
        '\ufeff{"a":1}',
        '{"a":"\ud800"}',
        '{"a":"\\ud800"}',
    ],
)
def test_claims_that_are_not_one_strict_object_are_refused(text: str) -> None:
    assert claims_object(text) is None


def test_claims_leave_room_for_those_of_the_issuer() -> None:
    assert claims_object(json.dumps(dict.fromkeys(map(str, range(240)), 1))) is not None
    assert claims_object(json.dumps(dict.fromkeys(map(str, range(241)), 1))) is None
