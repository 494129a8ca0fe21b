"""`sessiond explain` and `sessiond jwks`: what a person is shown of a token, and of the keys."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.app.explain import explain as explanation
from sessiond_server.config.token_rules import read_token_rules
from sessiond_server.domain.checks import CHECKS_OF_A_CALL, CHECKS_OF_A_TOKEN
from tests.support.config import Config, scalekit
from tests.support.fakes import SilentLogger
from tests.support.forked import sessiond
from tests.support.idp import running_idp
from tests.support.signing import ABSENT, Signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.idp import Idp

ISSUER = "https://id.example"
KEY = generate_private_key(SECP256R1())
PUBLISHED = SigningKey(KEY)
SIGNER = Signer(KEY, PUBLISHED.key_id)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose secrets are not on this machine."""
    issuer = {
        "issuer": ISSUER,
        "audiences": ["api"],
        "client_id": "c",
        "client_secret_file": "/nowhere/secret",
        "clients": [{"client_id": "d", "client_secret_file": "/nowhere/other-secret"}],
    }
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [dict(PUBLISHED.jwk)]}))
    return Config(tmp_path, issuers=[issuer]).write()


def token(header: dict[str, Any] | None = None, **claims: Any) -> str:
    return SIGNER.token(header, **({"iss": ISSUER, "aud": "api"} | claims))


async def explain(config: Path, text: str, *arguments: str, keys: bool = True) -> tuple[int | None, str]:
    jwks = ("--jwks", str(config.parent / "jwks.json")) if keys else ("--offline",)
    return await sessiond("explain", "--config", str(config), *jwks, *arguments, given=text)


async def steps(config: Path, text: str, **more: Any) -> tuple[str, dict[str, str]]:
    """The verdict, and the outcome of each check."""
    _, said = await explain(config, text, "--json", **more)
    found = json.loads(said)
    return found["verdict"], {step["step"]: step["outcome"] for step in found["steps"]}


async def test_a_good_token_passes_every_step(config: Path) -> None:
    status, said = await explain(config, token() + "\n")
    assert status == 0
    assert said.rstrip().endswith("verdict: ACCEPTED")
    for check in (*CHECKS_OF_A_TOKEN, *CHECKS_OF_A_CALL):
        assert f" {check.name} " in said


@pytest.mark.parametrize(
    ("text", "step", "reason"),
    [
        ("x" * 9000, "size", "TOO_LARGE"),
        ("not a token", "form", "MALFORMED"),
        ("", "form", "MALFORMED"),
        (token(iss="https://other.example"), "issuer", "ISSUER_NOT_TRUSTED"),
        (token({"kid": "other"}), "key", "KEY_UNKNOWN"),
        (token()[:-8] + "AAAAAAAA", "signature", "SIGNATURE_INVALID"),
        (token({"typ": "JWT"}), "type", "TYPE_NOT_ALLOWED"),
        (token(sub=ABSENT), "claims", "CLAIM_MISSING"),
        (token(sub=7), "claims", "CLAIM_INVALID"),
        (token(exp=int(time.time()) - 100, iat=int(time.time()) - 200), "time", "EXPIRED"),
        (token(aud="other"), "audience", "AUDIENCE_MISMATCH"),
        (token(cnf={"kid": "x"}), "binding", "BINDING_MISMATCH"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
async def test_the_first_step_that_fails_is_the_verdict(
    config: Path, text: str, step: str, reason: str
) -> None:
    verdict, outcomes = await steps(config, text)
    assert (verdict, outcomes[step]) == (reason, reason)


@pytest.mark.parametrize(
    ("text", "found"),
    [("ory_at_x.y", "an opaque or encrypted token"), ("a.b.c", "something else"), ("", "something else")],
)
async def test_a_token_that_only_its_provider_can_read_is_told_from_junk(
    config: Path, text: str, found: str
) -> None:
    _, said = await explain(config, text)
    (form,) = (line for line in said.splitlines() if " form " in f" {line} ")
    assert found in form


async def test_what_comes_behind_a_failure_is_shown_too(config: Path) -> None:
    verdict, outcomes = await steps(config, token({"kid": "other"}, aud="other"))
    assert verdict == "KEY_UNKNOWN"
    assert outcomes["audience"] == "AUDIENCE_MISMATCH"


async def test_without_keys_or_a_proof_nothing_is_accepted(config: Path) -> None:
    verdict, outcomes = await steps(config, token(), keys=False)
    assert (verdict, outcomes["signature"]) == ("UNDECIDED", "not checked")
    verdict, outcomes = await steps(config, token(cnf={"jkt": "x"}))
    assert (verdict, outcomes["binding"]) == ("UNDECIDED", "not checked")


async def test_a_few_lines_are_configuration_enough(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(f'[[issuers]]\nissuer = "{ISSUER}"\naudiences = ["elsewhere"]\n')
    status, said = await explain(other, token(aud="elsewhere"), keys=False)
    assert (status, "UNDECIDED" in said, "AUDIENCE_MISMATCH" in said) == (1, True, False)


async def test_the_longest_token_is_the_configured_one(config: Path) -> None:
    text = config.read_text().replace("[server]", "[server]\nmax_token_bytes = 256")
    config.write_text(text)
    verdict, outcomes = await steps(config, token())
    assert (verdict, outcomes) == ("TOO_LARGE", {"size": "TOO_LARGE"})


async def test_a_token_as_an_argument_is_refused_and_not_repeated(config: Path) -> None:
    text = token()
    status, said = await explain(config, "", text)
    assert status == 2
    assert "give it on standard input" in said
    assert text not in said


async def test_a_token_in_a_file(config: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token() + "\n")
    assert (await explain(config, "", str(tmp_path / "token")))[0] == 0
    status, said = await explain(config, "", str(tmp_path / "none"))
    assert (status, said) == (2, f"sessiond: {tmp_path}/none: No such file or directory\n")


async def test_what_a_token_says_cannot_reach_the_terminal(config: Path) -> None:
    _, said = await explain(config, token(aud="\x1b[31m[red]api", **{"\x1b[2J": 1}))
    assert "\x1b" not in said
    assert "[red]api" in said


async def test_keys_are_shown_as_they_are_now(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)]).write()
        command = ("jwks", "--config", str(config))
        status, said = await sessiond(*command, "--json")
        (found,) = json.loads(said)
        assert status == 0
        assert (found["issuer"], found["outcome"], found["refresh_seconds"]) == (idp.issuer, "ok", 48)
        assert set(found["keys"].values()) == {"RS256"}
        await idp.switch(keys="500")
        status, said = await sessiond(*command)
        assert status == 1
        assert "status" in said


async def test_a_longer_token_is_read_where_it_is_configured(config: Path) -> None:
    config.write_text(config.read_text().replace("[server]", "[server]\nmax_token_bytes = 20000"))
    verdict, _ = await steps(config, token(padding="x" * 9000))
    assert verdict == "ACCEPTED"


@pytest.fixture(scope="module")
async def idp(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Idp]:
    async with running_idp(tmp_path_factory.mktemp("idp") / "idp.json") as provider:
        yield provider


async def asked(idp: Idp, directory: Path, **overrides: Any) -> tuple[str, dict[str, Any]]:
    """The verdict on a token of the provider's, without a key set in a file, and the step of the key."""
    issuer = scalekit(idp.issuer, directory, **overrides)
    (directory / "client-secret").unlink()
    config = Config(directory, issuers=[issuer]).write()
    text = (await idp.login())["access_token"]
    _, said = await sessiond("explain", "--config", str(config), "--json", given=text)
    found = json.loads(said)
    return found["verdict"], next(step for step in found["steps"] if step["step"] == "key")


async def test_the_key_set_is_fetched_as_a_server_would(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(keys="good")
    assert (await asked(idp, tmp_path))[0] == "ACCEPTED"


@pytest.mark.parametrize(
    ("switch", "overrides", "cause"),
    [
        ("500", {}, '"ISSUER/keys": HTTP 500'),
        ("html", {}, "the document is none"),
        ("good", {"jwks_url": "http://127.0.0.1:9/keys"}, '"http://127.0.0.1:9/keys": the connection is'),
        ("good", {"jwks_url": "https://169.254.1.1/"}, "is not one that may be called"),
    ],
)
async def test_why_there_is_no_key_set_is_said(
    idp: Idp, tmp_path: Path, switch: str, overrides: dict[str, Any], cause: str
) -> None:
    await idp.switch(keys=switch)
    verdict, step = await asked(idp, tmp_path, **overrides)
    assert (verdict, step["outcome"]) == ("UNDECIDED", "not checked")
    assert cause.replace("ISSUER", idp.issuer) in step["expected"]


async def test_offline_and_with_a_key_set_in_a_file_nobody_is_asked(idp: Idp, tmp_path: Path) -> None:
    await idp.switch(keys="good")
    config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)]).write()
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    text = (await idp.login())["access_token"]
    assert (await explain(config, text, keys=False))[0] == 1
    assert "KEY_UNKNOWN" in (await explain(config, text))[1]
    assert (await idp.counts())["keys"] == 0


async def test_the_local_issuers_key_set_is_not_fetched(tmp_path: Path) -> None:
    issuer = {"issuer": "http://127.0.0.1:9", "preset": "local", "audiences": ["api"]}
    rules = read_token_rules(Config(tmp_path, issuers=[issuer]).write(), environment={})
    text = token(iss="http://127.0.0.1:9").encode()
    found = await explanation(
        text, rules, key_set=None, is_offline=False, now=time.time(), logger=SilentLogger()
    )
    assert any("that of the local issuer is its server's" in step.expected for step in found.steps)
