"""Every script that there is; each is declared once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeAlias

from sessiond_server.adapters.store.scripts.declaration import (
    Lane,
    Late,
    Script,
    number,
    number_or_none,
    raw,
    raw_or_none,
    word,
)
from sessiond_server.adapters.store.scripts.reading import ByOutcome, flag, octets_or_none, one, whole
from sessiond_server.adapters.store.scripts.replies import (
    AdoptedReply,
    BusyReply,
    CreatedReply,
    CutoffReply,
    DocumentReply,
    EndedByIdReply,
    EndedOfLogoutReply,
    EndedOfSubjectReply,
    EndedReply,
    FreeReply,
    FullReply,
    HeldBackReply,
    HeldReply,
    KeptReply,
    LeasedReply,
    ListingReply,
    MovedReply,
    NotDueReply,
    NotOfSubjectReply,
    PageReply,
    ReassertedReply,
    RefusedReply,
    RoomReply,
    RotatedReply,
    SurveyReply,
    UnreadableReply,
)
from sessiond_server.domain.failures import RefreshRefusal

CreateReply: TypeAlias = CreatedReply | FullReply
RotateReply: TypeAlias = RotatedReply | LeasedReply | BusyReply | HeldReply | UnreadableReply | RefusedReply
CommitReply: TypeAlias = RotatedReply | MovedReply | RefusedReply
AdoptReply: TypeAlias = AdoptedReply | BusyReply | FreeReply
ReassertReply: TypeAlias = ReassertedReply | MovedReply
EndSubjectReply: TypeAlias = EndedOfSubjectReply | NotOfSubjectReply

_SESSION: Final = (raw("id", 16), raw("hashed", 16))
_PRESENTED: Final = (number("generation"), raw("secret_hash", 32), raw("fingerprint", 16))
_PROPOSAL: Final = (raw("pepper_id", 4), raw("rotation_salt", 32), raw("successor_hash", 32))
_END: Final = (number("cause"), number("entry_life_ms"))
_QUEUE: Final = ("queue", "taken")

# Whoever pins first does so for good, whenever that is.
PIN_PARTITIONS: Final = Script(
    "pin_partitions", whole, keys=("meta",), args=(number("partitions"),), late=Late.CARRIED_OUT
)

# Nobody has the tokens of a session that is stored late, and others may have to end for it.
CREATE: Final[Script[tuple[str, CreateReply]]] = Script(
    "create",
    ByOutcome({"CREATED": CreatedReply, "FULL": FullReply}),
    keys=("record", "index", "last_login"),
    args=(
        *_SESSION,
        raw("header"),
        raw("behind_header"),
        number("max_sessions"),
        number("may_exceed"),
        raw("sealed_refresh"),
        raw("sealed_access"),
        number("access_expire_ms"),
    ),
    late=Late.REFUSED,
    is_durable=True,
)

_FROM: Final = (number_or_none("from_ms"), raw_or_none("from_id", 16))
# What is over is over, whenever it is dropped.
SURVEY: Final = Script(
    "survey",
    one(SurveyReply),
    keys=("index",),
    args=(raw("subject", 16), *_FROM),
    late=Late.CARRIED_OUT,
)

# The subject may have fewer sessions by then, and others may have been used.
MAKE_ROOM: Final = Script(
    "make_room",
    one(RoomReply),
    keys=("index",),
    args=(raw("candidates"), number("max_sessions"), number("entry_life_ms")),
    late=Late.REFUSED,
    is_durable=True,
)

# Whoever presented the token may have spent it elsewhere since.
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
    keys=("record", "seen", "outages"),
    args=(
        *_SESSION,
        *_PRESENTED,
        *_PROPOSAL,
        number("entry_life_ms"),
        raw("holder", 16),
        number_or_none("arrived_ms"),
        raw("own_outages"),
        number("longest_pause_ms"),
        raw("reuse_above"),
        raw("sealing_ids"),
        raw("confirmation", 32),
    ),
    late=Late.REFUSED,
    is_durable=True,
)

# Nothing that a provider gave may be lost: it compares state, generation and, behind a hold, the holder.
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
    late=Late.CARRIED_OUT,
    is_durable=True,
)

# The same: it compares generation and holder.
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
    late=Late.CARRIED_OUT,
    is_durable=True,
)

# A lease that nobody uses keeps others waiting.
LEASE_AHEAD: Final[Script[tuple[str, LeasedReply | NotDueReply]]] = Script(
    "lease_ahead",
    ByOutcome({"LEASED": LeasedReply, "NOT_DUE": NotDueReply}),
    keys=("record",),
    args=(
        raw("hashed", 16),
        raw("holder", 16),
        number("within_ms"),
        raw("reuse_above"),
        raw("sealing_ids"),
    ),
    late=Late.REFUSED,
    is_durable=True,
)
# Nothing that a provider gave may be lost: it compares what was sent, and the generation.
KEEP_AHEAD: Final = Script(
    "keep_ahead",
    flag,
    keys=("record",),
    args=(
        *_SESSION,
        number("leased_generation"),
        raw("holder", 16),
        raw("sent_refresh", 16),
        raw("sealed_refresh"),
        raw("hashed_refresh", 16),
        raw("sealed_access"),
        number("access_expire_ms"),
        raw_or_none("token_id", 16),
        number_or_none("refresh_life_ms"),
        number("entry_life_ms"),
    ),
    lane=Lane.ENDING,
    late=Late.CARRIED_OUT,
    is_durable=True,
)

_ADOPTION: Final = ("adoption", "held")

# A right that nobody uses keeps others waiting.
ADOPT: Final[Script[tuple[str, AdoptReply]]] = Script(
    "adopt",
    ByOutcome({"ADOPTED": AdoptedReply, "BUSY": BusyReply, "FREE": FreeReply}),
    keys=_ADOPTION,
    args=(raw("holder", 16),),
    late=Late.REFUSED,
)
# What has opened a session has opened it, whenever that is noted.
KEEP_ADOPTION: Final = Script(
    "keep_adoption",
    flag,
    keys=_ADOPTION,
    args=(
        raw("session", 16),
        raw("pepper_id", 4),
        raw("salt", 32),
        raw("fingerprint", 16),
        number("life_ms"),
    ),
    late=Late.CARRIED_OUT,
    is_durable=True,
)
# What is held can be exchanged, whenever that is noted.
HOLD_ADOPTION: Final = Script(
    "hold_adoption",
    flag,
    keys=_ADOPTION,
    args=(raw("holder", 16), raw("sealed"), number("life_ms")),
    late=Late.CARRIED_OUT,
    is_durable=True,
)
# It compares the holder.
RELEASE_ADOPTION: Final = Script(
    "release_adoption",
    flag,
    keys=_ADOPTION,
    args=(raw("holder", 16), number("forgets")),
    late=Late.CARRIED_OUT,
)
# Whoever got the first tokens may have presented them since.
REPEAT_LOGIN: Final[Script[tuple[str, RotatedReply | RefusedReply]]] = Script(
    "repeat_login",
    ByOutcome(
        {
            "REPLAYED": RotatedReply,
            RefreshRefusal.INVALID: RefusedReply,
            RefreshRefusal.SUPERSEDED: RefusedReply,
            RefreshRefusal.REVOKED: RefusedReply,
            RefreshRefusal.IDLE_TIMEOUT: RefusedReply,
            RefreshRefusal.LIFETIME_EXCEEDED: RefusedReply,
            RefreshRefusal.BINDING_MISMATCH: RefusedReply,
        }
    ),
    keys=("record",),
    args=(raw("hashed", 16), raw("confirmation", 32)),
    late=Late.REFUSED,
    is_durable=True,
)

# It compares the holder, whose lease must not have run out; and what a provider brought is to be revoked.
SETTLE: Final = Script(
    "settle",
    one(EndedReply),
    keys=("record",),
    args=(
        *_SESSION,
        raw("holder", 16),
        word("action", "RELEASE", "DOUBT", "END"),
        *_END,
        raw("brought"),
        number_or_none("doubt_age_ms"),
    ),
    lane=Lane.ENDING,
    late=Late.CARRIED_OUT,
    is_durable=True,
)

# The session that it names began before it was wanted: there is no later one that it could hit.
END: Final = Script(
    "end",
    one(EndedByIdReply),
    keys=("record",),
    args=(*_SESSION, *_END, raw("tombstone"), number("is_proven")),
    lane=Lane.ENDING,
    late=Late.CARRIED_OUT,
    is_durable=True,
)

# What it ends counts up to the moment at which it is carried out: it would hit who has logged in since.
END_PROVIDER: Final[Script[tuple[str, EndedOfLogoutReply]]] = Script(
    "end_provider",
    ByOutcome({"DONE": EndedOfLogoutReply, "MORE": EndedOfLogoutReply}),
    keys=("index", "last_login"),
    args=(
        raw("subject", 16),
        raw_or_none("provider_session", 16),
        raw_or_none("token_id", 16),
        number("started_ms"),
        raw("clients"),
        *_END,
        number("known_begun_ms"),
        *_FROM,
    ),
    lane=Lane.ENDING,
    late=Late.REFUSED,
    is_durable=True,
)

# The same: its cutoff is that moment.
END_SUBJECT: Final[Script[tuple[str, EndSubjectReply]]] = Script(
    "end_subject",
    ByOutcome(
        {"DONE": EndedOfSubjectReply, "MORE": EndedOfSubjectReply, "NOT_OF_SUBJECT": NotOfSubjectReply}
    ),
    keys=("index", "last_login"),
    args=(
        raw("subject", 16),
        *_END,
        number("cutoff_life_ms"),
        raw_or_none("spared", 16),
        number("known_cutoff_ms"),
        *_FROM,
    ),
    lane=Lane.ENDING,
    late=Late.REFUSED,
    is_durable=True,
)

# The same, of what many subjects share.
CUTOFF: Final = Script(
    "cutoff",
    one(CutoffReply),
    keys=("last_login",),
    args=(
        number("kind"),
        raw("hashed", 16),
        number("not_before_ms"),
        number("cutoff_life_ms"),
        number("entry_life_ms"),
    ),
    lane=Lane.ENDING,
    late=Late.REFUSED,
    is_durable=True,
)

GET: Final = Script("get", octets_or_none, keys=("record",), args=(raw("hashed", 16),), late=Late.READS)

HEADER: Final = Script("header", octets_or_none, keys=("record",), late=Late.READS)
# A caller that may not end every session has the session looked at before.
HEADER_TO_END: Final = replace(HEADER, lane=Lane.ENDING)

LIST: Final = Script(
    "list",
    one(ListingReply),
    keys=("index",),
    args=(number("limit"), number_or_none("after_ms"), raw_or_none("after_id", 16), raw("clients")),
    late=Late.READS,
)

_KNOWN: Final = (number("known_number"), word("known_tag"), raw("known_incarnation", 16))
# It begins a log where there is none, which is right at any time.
POLL: Final = Script(
    "poll",
    one(PageReply),
    args=_KNOWN,
    lane=Lane.WATCHING,
    late=Late.CARRIED_OUT,
)
# What has expired by then can go.
TRIM: Final = Script("trim", flag, lane=Lane.WATCHING, late=Late.CARRIED_OUT)
# Somebody else may write one by then.
CLAIM_SNAPSHOT: Final = Script(
    "claim_snapshot", flag, keys=("lease",), args=(raw("holder", 16),), late=Late.REFUSED
)
SAVE_SNAPSHOT_PART: Final = Script(
    "save_snapshot_part",
    flag,
    keys=("lease", "part"),
    args=(raw("holder", 16), raw("packed_part")),
    late=Late.REFUSED,
)
SAVE_SNAPSHOT: Final = Script(
    "save_snapshot",
    flag,
    keys=("lease", "manifest"),
    args=(raw("holder", 16), raw("packed_manifest"), raw("former", 16), number("former_parts")),
    late=Late.REFUSED,
)
LOAD_SNAPSHOT: Final = Script("load_snapshot", one(KeptReply), keys=("part",), late=Late.READS)
# What was revoked stays revoked; and it compares where the log ends.
REASSERT: Final[Script[tuple[str, ReassertReply]]] = Script(
    "reassert",
    ByOutcome({"DONE": ReassertedReply, "MOVED": MovedReply}),
    args=(*_KNOWN, raw("entries"), raw("tombstone"), *_END, number("cutoff_life_ms")),
    lane=Lane.ENDING,
    late=Late.CARRIED_OUT,
)
# It notes the moment at which it is carried out, and sessions have been rotated since.
NOTE_CHANGE: Final = Script(
    "note_change", flag, args=(number("known_ms"),), lane=Lane.WATCHING, late=Late.REFUSED
)
# A trifle does no harm. That replicas have it says that they will have what releases something.
PROBE: Final = Script(
    "probe", whole, keys=("probed",), lane=Lane.WATCHING, late=Late.CARRIED_OUT, is_durable=True
)
# Whenever it comes, it says the time at which it came.
NOTE_USE: Final = Script(
    "note_use", whole, keys=("seen", "outages"), lane=Lane.WATCHING, late=Late.CARRIED_OUT
)

# The login was refused for good: its token is to be revoked whenever this comes.
ADD_REVOCATION: Final = Script(
    "add_revocation",
    flag,
    keys=("queue",),
    args=(raw("id", 16), raw("hashed_issuer", 16), raw("hashed_client", 16), raw("sealed_refresh")),
    late=Late.CARRIED_OUT,
)
# What nobody waits for any more would lie aside for as long as it may be taken.
NEXT_REVOCATION: Final = Script("next_revocation", octets_or_none, keys=_QUEUE, late=Late.REFUSED)
# Somebody else may have taken and settled it since; what is not put back is taken again from aside.
REQUEUE_REVOCATION: Final = Script(
    "requeue_revocation", whole, keys=_QUEUE, args=(raw("queued"),), late=Late.REFUSED
)
# What was revoked stays revoked.
SETTLE_REVOCATION: Final = Script(
    "settle_revocation", whole, keys=("taken",), args=(raw("queued"),), late=Late.CARRIED_OUT
)

# A call that failed may be repeated with the same proof.
USE_PROOF: Final = Script(
    "use_proof", flag, keys=("proof",), args=(number("good_until_ms"),), late=Late.REFUSED, is_durable=True
)
PROBE_PROOF: Final = Script(
    "probe_proof", flag, keys=("proof",), args=(number("good_until_ms"),), late=Late.READS
)

# Whoever sent it has asked elsewhere since, or has been answered.
TAKE_RATE: Final = Script(
    "take_rate",
    whole,
    keys=("bucket",),
    args=(number("interval_us"), number("ahead_us")),
    late=Late.REFUSED,
)
TAKE_RATE_TO_END: Final = replace(TAKE_RATE, lane=Lane.ENDING)

LOAD_DOCUMENT: Final = Script(
    "load_document", one(DocumentReply), keys=("document", "order"), late=Late.READS
)
# A newer one may have been saved since: a key that an issuer withdrew must not come back.
SAVE_DOCUMENT: Final = Script(
    "save_document",
    whole,
    keys=("document",),
    args=(raw("sealed"), number("life_ms")),
    late=Late.REFUSED,
)
LAST_KEY_ORDER: Final = Script("last_key_order", whole, keys=("order",), lane=Lane.WATCHING, late=Late.READS)
# To ask an issuer once more harms nobody.
ORDER_KEYS: Final = Script(
    "order_keys", whole, keys=("order",), args=(number("life_ms"),), late=Late.CARRIED_OUT
)

SCRIPTS: Final[tuple[Script[Any], ...]] = (
    PIN_PARTITIONS,
    CREATE,
    SURVEY,
    MAKE_ROOM,
    ROTATE,
    COMMIT,
    HOLD,
    SETTLE,
    LEASE_AHEAD,
    KEEP_AHEAD,
    ADOPT,
    KEEP_ADOPTION,
    HOLD_ADOPTION,
    RELEASE_ADOPTION,
    REPEAT_LOGIN,
    END,
    END_PROVIDER,
    END_SUBJECT,
    CUTOFF,
    GET,
    HEADER,
    LIST,
    POLL,
    TRIM,
    REASSERT,
    CLAIM_SNAPSHOT,
    SAVE_SNAPSHOT_PART,
    SAVE_SNAPSHOT,
    LOAD_SNAPSHOT,
    NOTE_CHANGE,
    PROBE,
    NOTE_USE,
    ADD_REVOCATION,
    NEXT_REVOCATION,
    REQUEUE_REVOCATION,
    SETTLE_REVOCATION,
    USE_PROOF,
    PROBE_PROOF,
    TAKE_RATE,
    LOAD_DOCUMENT,
    SAVE_DOCUMENT,
    LAST_KEY_ORDER,
    ORDER_KEYS,
)
