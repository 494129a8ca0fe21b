"""What a command of the suite is as a call of the client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sessiond import (
    FROM_SERVER,
    FULLY_CONSISTENT,
    AtLeast,
    AuthorizationCode,
    Cache,
    Cause,
    Consistency,
    Device,
    DpopProof,
    ProviderTokens,
    Tls,
)

JsonObject = dict[str, Any]

_SAME = (
    "timeout",
    "attributes",
    "client_id",
    "tenant_id",
    "audiences",
    "scopes",
    "claims",
    "acr",
    "amr",
    "page_size",
)


def client_arguments(command: JsonObject) -> tuple[str, JsonObject]:
    """The target of a new client, and its options."""
    options = {
        name: command[name] for name in ("key", "timeout", "provider_timeout", "batching") if name in command
    }
    if "cache" in command:
        options["cache"] = Cache(**command["cache"]) if command["cache"] else None
    if "key_file" in command:
        options["key"] = Path(command["key_file"]).read_text
    if "tls" in command:
        files = {name: Path(path) for name, path in command["tls"].items() if name != "server_name"}
        options["tls"] = Tls(
            **files,
            server_name=command["tls"].get("server_name", ""),
        )
    if command.get("insecure"):
        options["allow_plaintext"] = True
    return command["target"], options


def method_of(command: JsonObject) -> tuple[str, list[Any], JsonObject]:
    """The method of a command, and what it is called with."""
    match command["do"]:
        case "ready":
            return "ready", [command["timeout"]], {}
        case "validate":
            return "validate", [command["token"]], _question(command) | _proof(command)
        case "validate_all":
            return "validate_all", [command["tokens"]], _question(command)
        case "create_local":
            return "create_local_session", [command["subject"]], _login(command)
        case "create_from_tokens":
            names = ("access_token", "refresh_token", "id_token")
            tokens = ProviderTokens(**{name: command[name] for name in names if name in command})
            return "create_session", [command["issuer"], tokens], _login(command)
        case "create_from_code":
            names = ("code", "redirect_uri", "code_verifier", "nonce")
            code = AuthorizationCode(**{name: command[name] for name in names if name in command})
            return "create_session_from_code", [command["issuer"], code], _login(command)
        case "refresh" | "adopt" as name:
            given = [command[part] for part in ("issuer", "refresh_token") if part in command]
            return name, given, _login(command)
        case "revoke":
            return _revocation(command)
        case "get_session" | "list_sessions" as name:
            given = [command[part] for part in ("session_id", "issuer", "subject") if part in command]
            return name, given, _same(command)
    raise ValueError(f"do: found {command['do']!r}, which this testee does not carry out")


def question_of(said: JsonObject) -> JsonObject:
    """What is required of a token, and how fresh the answer has to be."""
    policy = dict(said.get("policy", {}))
    if "max_auth_age" in policy:
        policy["max_auth_age"] = timedelta(seconds=policy["max_auth_age"])
    return policy | {"consistency": _consistency(said.get("consistency", "cached"))}


def _question(command: JsonObject) -> JsonObject:
    more = {"timeout": command["timeout"]} if "timeout" in command else {}
    return question_of(command) | more


def _consistency(wanted: Any) -> Consistency | None:
    match wanted:
        case "cached":
            return None
        case "server":
            return FROM_SERVER
        case "strict":
            return FULLY_CONSISTENT
        case {"at_least": revision}:
            return AtLeast(revision)
    raise ValueError(f"consistency: found {wanted!r}, which this client does not have")


def _revocation(command: JsonObject) -> tuple[str, list[Any], JsonObject]:
    options: JsonObject = {"cause": Cause(command["cause"])} if "cause" in command else {}
    if "note" in command:
        options["note"] = command["note"]
    ((kind, target),) = command["target"].items()
    if kind != "subject":
        return f"revoke_{'session' if kind == 'session_id' else kind}", [target], options
    if "except_session_id" in target:
        options["except_session_id"] = target["except_session_id"]
    return "revoke_subject", [target["issuer"], target["subject"]], options


def _login(command: JsonObject) -> JsonObject:
    options = _same(command) | _proof(command)
    if "device" in command:
        options["device"] = Device(**command["device"])
    if "auth_time" in command:
        options["auth_time"] = datetime.fromtimestamp(command["auth_time"], UTC)
    return options


def _proof(command: JsonObject) -> JsonObject:
    options: JsonObject = {}
    if "certificate_sha256" in command:
        options["certificate_sha256"] = bytes.fromhex(command["certificate_sha256"])
    if "dpop" in command:
        options["dpop"] = DpopProof(**command["dpop"])
    return options


def _same(command: JsonObject) -> JsonObject:
    return {name: command[name] for name in _SAME if name in command}
