"""The words of case files for commands: what a client is told to do."""

from __future__ import annotations

from typing import Final

from tests.conformance.shapes import (
    Members,
    Rows,
    any_of,
    anything,
    chosen,
    hexadecimal,
    list_of,
    map_of,
    members,
    number,
    object_of_anything,
    off,
    one_of,
    text,
    truth,
    whole,
)

ROUTES: Final = ("required", "optional", "public")
METHODS: Final = ("required", "public")
_texts = list_of(text)
_repeated = members({"each": anything, "count": whole(1)})
_policy = members(
    {},
    {
        "issuers": _texts,
        "audiences": _texts,
        "scopes": _texts,
        "permissions": _texts,
        "claims": map_of(_texts),
        "max_auth_age": number,
        "acr_values": _texts,
    },
)
_proof: Final[Members] = {
    "certificate_sha256": hexadecimal,
    "dpop": members({"proof": text, "method": text, "url": text}),
}
_bearer: Final[Members] = {
    **_proof,
    "device": members({}, {"ip_address": text, "user_agent": text, "label": text}),
    "timeout": number,
}
_login: Final[Members] = {**_bearer, "attributes": map_of(text)}
_local: Final[Members] = {
    "client_id": text,
    "tenant_id": text,
    "audiences": _texts,
    "scopes": _texts,
    "claims": object_of_anything,
    "auth_time": number,
    "acr": text,
    "amr": _texts,
}
_question: Final[Members] = {
    "policy": _policy,
    "consistency": any_of(
        one_of("cached", "server", "strict"),
        members({"at_least": text}),
        called='"cached", "server", "strict" or {"at_least": REVISION}',
    ),
    "timeout": number,
}
_new: Final[Members] = {
    "target": text,
    "key": text,
    "key_file": text,
    "tls": members({}, {"authorities": text, "certificate": text, "private_key": text, "server_name": text}),
    "insecure": truth,
    "timeout": number,
    "provider_timeout": number,
    "cache": any_of(off, members({}, {"max_entries": whole(1)}), called="false or an object"),
    "batching": truth,
}
_target: Final[Members] = {
    "session_id": text,
    "refresh_token": text,
    "access_token": text,
    "subject": members({"issuer": text, "subject": text}, {"except_session_id": text}),
}
_rule: Final[Members] = {"policy": _policy, "consistency": _question["consistency"]}
# Of each command the members that it must have, and those that it may have.
COMMANDS: Final[Rows] = {
    "new": ({}, _new),
    "close": ({}, {}),
    "ready": ({"timeout": number}, {}),
    "advance": ({"seconds": number, "clock": one_of("steady", "wall", "both")}, {}),
    "validate": ({"token": text}, {**_question, **_proof, "claims": truth}),
    "validate_all": (
        {"tokens": any_of(_texts, _repeated, called="a list of texts, or each and count")},
        _question,
    ),
    "create_local": ({"subject": text}, {**_local, **_login}),
    "create_from_tokens": (
        {"issuer": text, "access_token": text, "refresh_token": text},
        {"id_token": text, **_login},
    ),
    "create_from_code": (
        {"issuer": text, "code": text, "redirect_uri": text, "code_verifier": text},
        {"nonce": text, **_login},
    ),
    "refresh": ({"refresh_token": text}, _bearer),
    "adopt": ({"issuer": text, "refresh_token": text}, _bearer),
    "revoke": (
        {"target": chosen({name: members({name: shape}) for name, shape in _target.items()})},
        {"cause": one_of("LOGOUT", "ADMIN", "COMPROMISE", "POLICY"), "note": text},
    ),
    "get_session": ({"session_id": text}, {"timeout": number}),
    "list_sessions": ({"issuer": text, "subject": text}, {"page_size": whole(0)}),
    "serve_http": (
        {"routes": list_of(members({"path": text, "access": one_of(*ROUTES)}, _rule))},
        {
            "protects": members({}, {"policy": _policy}),
            "browser": members({}, {"development": truth, "split": truth, "refresh_path": text}),
            "cookie": text,
            "trusted_origins": _texts,
            "allow_missing_origin": truth,
            "dpop_origin": text,
        },
    ),
    "serve_grpc": (
        {"methods": map_of(members({"access": one_of(*METHODS)}, _rule))},
        {"others": members({}, {"policy": _policy}), "dpop_origin": text},
    ),
}
