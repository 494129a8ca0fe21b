from typing import Any

import pytest

from sessiond.middleware.credentials import (
    Credential,
    InvalidRequestError,
    Scheme,
    from_authorization,
    from_cookies,
)

ABC = Credential(Scheme.BEARER, "a.b.c")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], None),
        ([""], None),
        (["Bearer a.b.c"], ABC),
        (["bearer a.b.c"], ABC),
        (["BEARER a.b.c"], ABC),
        (["Bearer  a.b.c"], ABC),
        (["Bearer aZ09-._~+/=="], Credential(Scheme.BEARER, "aZ09-._~+/==")),
        (["dpop a.b.c"], Credential(Scheme.DPOP, "a.b.c")),
        (["Bearer " + "x" * (9 << 10)], Credential(Scheme.BEARER, "x" * (9 << 10))),
        (["Basic dXNlcjpwYXNz"], None),
        (["BearerX a.b.c"], None),
        (["a.b.c"], None),
        (["\u212aearer a.b.c"], None),
    ],
)
def test_one_token_of_one_header_is_taken(values: Any, found: Any) -> None:
    assert from_authorization(values) == found


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer a.b.c", "Bearer a.b.c"],
        ["Basic dTpw", "Bearer a.b.c"],
        ["Bearer a.b.c,Bearer d.e.f"],
        ["Bearer a.b.c d.e.f"],
        ["Bearer"],
        ["Bearer "],
        ["Bearer\ta.b.c"],
        ["Bearer a.b.c "],
        ["Bearer a.b.c\n"],
        ["Bearer=a.b.c"],
        ["Bearer =="],
        ["Bearer a=b"],
        ["Bearer \xe4"],
        ["Bearer \u0661"],
    ],
)
def test_what_could_be_several_tokens_or_none_is_an_invalid_request(values: Any) -> None:
    with pytest.raises(InvalidRequestError):
        from_authorization(values)


@pytest.mark.parametrize(
    ("lines", "token"),
    [
        ([], None),
        (["theme=dark"], None),
        (["session=a.b.c"], "a.b.c"),
        (["theme=dark; session=a.b.c; lang=en"], "a.b.c"),
        (["theme=dark", "session=a.b.c"], "a.b.c"),
        (["session=a=="], "a=="),
        (["theme=dark;session=a.b.c"], "a.b.c"),
        (["session="], None),
        (["session"], None),
        (["Session=a.b.c"], None),
        (["xsession=a.b.c; session2=d"], None),
        (["theme=session=a.b.c"], None),
    ],
)
def test_one_cookie_of_the_name_is_taken(lines: Any, token: Any) -> None:
    assert from_cookies(lines, "session") == (None if token is None else Credential(Scheme.COOKIE, token))


@pytest.mark.parametrize(
    "lines",
    [
        ["session=a.b.c; session=d.e.f"],
        ["session=a.b.c; session=a.b.c"],
        ["session=; session=a.b.c"],
        ["session=a.b.c", "session=d.e.f"],
    ],
)
def test_two_cookies_of_the_name_are_an_invalid_request(lines: Any) -> None:
    with pytest.raises(InvalidRequestError):
        from_cookies(lines, "session")


def test_no_printing_shows_a_token_that_was_presented() -> None:
    assert "a.b.c" not in f"{ABC} {ABC!r}"
