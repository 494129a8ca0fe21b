"""Every script that there is; each is declared once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeAlias

from sessiond_server.adapters.store.scripts.declaration import (
    Lane,
    Script,
    number,
    number_or_none,
    raw,
    raw_or_none,
    word,
)
from sessiond_server.adapters.store.scripts.reading import ByOutcome, flag, many, octets_or_none, one, whole
from sessiond_server.adapters.store.scripts.replies import (
    BusyReply,
    CreatedReply,
    EndedOfSubjectReply,
    EndedReply,
    HeldBackReply,
    HeldReply,
    LeasedReply,
    ListedReply,
    MovedReply,
    NotOfSubjectReply,
    PageReply,
    RefusedReply,
    RotatedReply,
    UnreadableReply,
)
from sessiond_server.domain.failures import RefreshRefusal

RotateReply: TypeAlias = RotatedReply | LeasedReply | BusyReply | HeldReply | UnreadableReply | RefusedReply
CommitReply: TypeAlias = RotatedReply | MovedReply | RefusedReply
EndSubjectReply: TypeAlias = EndedOfSubjectReply | NotOfSubjectReply

_SESSION: Final = (raw("id", 16), raw("hashed", 16))
_PRESENTED: Final = (number("generation"), raw("secret_hash", 32), raw("fingerprint", 16))
_PROPOSAL: Final = (raw("pepper_id", 4), raw("rotation_salt", 32), raw("successor_hash", 32))
_END: Final = (number("cause"), number("entry_life_ms"))
_QUEUE: Final = ("queue", "taken")

PIN_PARTITIONS: Final = Script("pin_partitions", whole, keys=("meta",), args=(number("partitions"),))

CREATE: Final = Script(
    "create",
    one(CreatedReply),
    keys=("record", "index"),
    args=(
        *_SESSION,
        raw("header"),
        raw("behind_header"),
        number("max_sessions"),
        number("entry_life_ms"),
        raw("sealed_refresh"),
        raw("sealed_access"),
        number("access_expire_ms"),
    ),
)

ROTATE: Final[Script[tuple[str, RotateReply]]] = Script(
    "rotate",
    ByOutcome(
        {
            "ROTATED": RotatedReply,
            "REPLAYED": RotatedReply,
            "LEASED": LeasedReply,
            "BUSY": BusyReply,
            "HELD": HeldReply,
            "UNREADABLE": UnreadableReply,
            RefreshRefusal.INVALID: RefusedReply,
            RefreshRefusal.SUPERSEDED: RefusedReply,
            RefreshRefusal.REUSED: RefusedReply,
            RefreshRefusal.REVOKED: RefusedReply,
            RefreshRefusal.IDLE_TIMEOUT: RefusedReply,
            RefreshRefusal.LIFETIME_EXCEEDED: RefusedReply,
            RefreshRefusal.BINDING_MISMATCH: RefusedReply,
        }
    ),
    keys=("record",),
    args=(
        *_SESSION,
        *_PRESENTED,
        *_PROPOSAL,
        number("entry_life_ms"),
        raw("holder", 16),
        number("waiting_since_ms"),
        raw("reuse_above"),
        raw("sealing_ids"),
        raw("confirmation", 32),
    ),
)

COMMIT: Final[Script[tuple[str, CommitReply]]] = Script(
    "commit",
    ByOutcome(
        {
            "ROTATED": RotatedReply,
            "MOVED": MovedReply,
            RefreshRefusal.REVOKED: RefusedReply,
            RefreshRefusal.LIFETIME_EXCEEDED: RefusedReply,
        }
    ),
    keys=("record",),
    args=(
        *_SESSION,
        number("leased_generation"),
        raw("holder", 16),
        *_PRESENTED,
        *_PROPOSAL,
        raw("sealed_refresh"),
        raw("hashed_refresh", 16),
        raw("sealed_access"),
        number("access_expire_ms"),
        raw_or_none("token_id", 16),
        number_or_none("refresh_life_ms"),
        number("entry_life_ms"),
    ),
    lane=Lane.ENDING,
)

HOLD: Final = Script(
    "hold",
    one(HeldBackReply),
    keys=("record",),
    args=(
        *_SESSION,
        number("leased_generation"),
        raw("holder", 16),
        raw("sealed_refresh"),
        raw("hashed_refresh", 16),
        number_or_none("refresh_life_ms"),
    ),
    lane=Lane.ENDING,
)

SETTLE: Final = Script(
    "settle",
    one(EndedReply),
    keys=("record",),
    args=(*_SESSION, raw("holder", 16), word("action", "RELEASE", "DOUBT", "END"), *_END, raw("brought")),
    lane=Lane.ENDING,
)

END: Final = Script("end", one(EndedReply), keys=("record",), args=(*_SESSION, *_END), lane=Lane.ENDING)

END_PROVIDER: Final = Script(
    "end_provider",
    one(EndedReply),
    keys=("index",),
    args=(raw_or_none("provider_session", 16), raw_or_none("token_id", 16), number("started_ms"), *_END),
    lane=Lane.ENDING,
)

END_SUBJECT: Final[Script[tuple[str, EndSubjectReply]]] = Script(
    "end_subject",
    ByOutcome(
        {"DONE": EndedOfSubjectReply, "MORE": EndedOfSubjectReply, "NOT_OF_SUBJECT": NotOfSubjectReply}
    ),
    keys=("index",),
    args=(
        raw("subject", 16),
        *_END,
        number("cutoff_life_ms"),
        raw_or_none("spared", 16),
        number("known_cutoff_ms"),
    ),
    lane=Lane.ENDING,
)

GET: Final = Script("get", octets_or_none, keys=("record",), args=(raw("hashed", 16),))
# A caller that may not end every session has the session looked at before.
GET_TO_END: Final = replace(GET, lane=Lane.ENDING)

LIST: Final = Script(
    "list",
    many(one(ListedReply)),
    keys=("index",),
    args=(number("limit"), number_or_none("after_ms"), raw_or_none("after_id", 16)),
)

POLL: Final = Script(
    "poll",
    one(PageReply),
    args=(number("known_number"), word("known_tag"), raw("known_incarnation", 16)),
    lane=Lane.WATCHING,
)
TRIM: Final = Script("trim", flag, lane=Lane.WATCHING)
NOTE_CHANGE: Final = Script("note_change", whole, lane=Lane.WATCHING)
PROBE: Final = Script("probe", whole, keys=("probe",), lane=Lane.WATCHING)

ADD_REVOCATION: Final = Script(
    "add_revocation",
    flag,
    keys=("queue",),
    args=(raw("id", 16), raw("hashed_issuer", 16), raw("hashed_client", 16), raw("sealed_refresh")),
)
NEXT_REVOCATION: Final = Script("next_revocation", octets_or_none, keys=_QUEUE)
REQUEUE_REVOCATION: Final = Script("requeue_revocation", whole, keys=_QUEUE, args=(raw("queued"),))
SETTLE_REVOCATION: Final = Script("settle_revocation", whole, keys=("taken",), args=(raw("queued"),))

REMEMBER: Final = Script("remember", flag, keys=("proof",), args=(number("life_ms"),))
RECALL: Final = Script("recall", flag, keys=("proof",))

LOAD_DOCUMENT: Final = Script("load_document", octets_or_none, keys=("document",))
SAVE_DOCUMENT: Final = Script(
    "save_document", whole, keys=("document",), args=(raw("sealed"), number("life_ms"))
)

SCRIPTS: Final[tuple[Script[Any], ...]] = (
    PIN_PARTITIONS,
    CREATE,
    ROTATE,
    COMMIT,
    HOLD,
    SETTLE,
    END,
    END_PROVIDER,
    END_SUBJECT,
    GET,
    LIST,
    POLL,
    TRIM,
    NOTE_CHANGE,
    PROBE,
    ADD_REVOCATION,
    NEXT_REVOCATION,
    REQUEUE_REVOCATION,
    SETTLE_REVOCATION,
    REMEMBER,
    RECALL,
    LOAD_DOCUMENT,
    SAVE_DOCUMENT,
)
