from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sessiond.v1 import session_pb2 as _session_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResyncReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESYNC_REASON_UNSPECIFIED: _ClassVar[ResyncReason]
    RESYNC_REASON_INCARNATION: _ClassVar[ResyncReason]
    RESYNC_REASON_REGRESSED: _ClassVar[ResyncReason]
    RESYNC_REASON_DIVERGED: _ClassVar[ResyncReason]
    RESYNC_REASON_TRIMMED: _ClassVar[ResyncReason]
RESYNC_REASON_UNSPECIFIED: ResyncReason
RESYNC_REASON_INCARNATION: ResyncReason
RESYNC_REASON_REGRESSED: ResyncReason
RESYNC_REASON_DIVERGED: ResyncReason
RESYNC_REASON_TRIMMED: ResyncReason

class ValidateTokenRequest(_message.Message):
    __slots__ = ("token", "requirements", "proof", "consistency")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    token: str
    requirements: _session_pb2.Requirements
    proof: _session_pb2.PossessionProof
    consistency: _session_pb2.Consistency
    def __init__(self, token: _Optional[str] = ..., requirements: _Optional[_Union[_session_pb2.Requirements, _Mapping]] = ..., proof: _Optional[_Union[_session_pb2.PossessionProof, _Mapping]] = ..., consistency: _Optional[_Union[_session_pb2.Consistency, _Mapping]] = ...) -> None: ...

class ValidateTokenResponse(_message.Message):
    __slots__ = ("session", "rejection", "undecided", "revision", "revision_age", "cache_for", "watched_cache_for", "configuration", "stale")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISION_AGE_FIELD_NUMBER: _ClassVar[int]
    CACHE_FOR_FIELD_NUMBER: _ClassVar[int]
    WATCHED_CACHE_FOR_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    rejection: _session_pb2.Rejection
    undecided: _session_pb2.Undecided
    revision: str
    revision_age: _duration_pb2.Duration
    cache_for: _duration_pb2.Duration
    watched_cache_for: _duration_pb2.Duration
    configuration: str
    stale: bool
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., rejection: _Optional[_Union[_session_pb2.Rejection, _Mapping]] = ..., undecided: _Optional[_Union[_session_pb2.Undecided, _Mapping]] = ..., revision: _Optional[str] = ..., revision_age: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., cache_for: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., watched_cache_for: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., configuration: _Optional[str] = ..., stale: bool = ...) -> None: ...

class ValidateTokensRequest(_message.Message):
    __slots__ = ("tokens", "requirements", "consistency")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedScalarFieldContainer[str]
    requirements: _session_pb2.Requirements
    consistency: _session_pb2.Consistency
    def __init__(self, tokens: _Optional[_Iterable[str]] = ..., requirements: _Optional[_Union[_session_pb2.Requirements, _Mapping]] = ..., consistency: _Optional[_Union[_session_pb2.Consistency, _Mapping]] = ...) -> None: ...

class ValidateTokensResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ValidateTokenResponse]
    def __init__(self, results: _Optional[_Iterable[_Union[ValidateTokenResponse, _Mapping]]] = ...) -> None: ...

class CreateSessionRequest(_message.Message):
    __slots__ = ("provider_tokens", "authorization_code", "local_login", "device", "attributes", "proof")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROVIDER_TOKENS_FIELD_NUMBER: _ClassVar[int]
    AUTHORIZATION_CODE_FIELD_NUMBER: _ClassVar[int]
    LOCAL_LOGIN_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    provider_tokens: ProviderTokens
    authorization_code: AuthorizationCode
    local_login: LocalLogin
    device: _session_pb2.Device
    attributes: _containers.ScalarMap[str, str]
    proof: _session_pb2.PossessionProof
    def __init__(self, provider_tokens: _Optional[_Union[ProviderTokens, _Mapping]] = ..., authorization_code: _Optional[_Union[AuthorizationCode, _Mapping]] = ..., local_login: _Optional[_Union[LocalLogin, _Mapping]] = ..., device: _Optional[_Union[_session_pb2.Device, _Mapping]] = ..., attributes: _Optional[_Mapping[str, str]] = ..., proof: _Optional[_Union[_session_pb2.PossessionProof, _Mapping]] = ...) -> None: ...

class CreateSessionResponse(_message.Message):
    __slots__ = ("tokens",)
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    tokens: _session_pb2.Tokens
    def __init__(self, tokens: _Optional[_Union[_session_pb2.Tokens, _Mapping]] = ...) -> None: ...

class RefreshSessionRequest(_message.Message):
    __slots__ = ("refresh_token", "issuer", "device", "proof")
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    refresh_token: str
    issuer: str
    device: _session_pb2.Device
    proof: _session_pb2.PossessionProof
    def __init__(self, refresh_token: _Optional[str] = ..., issuer: _Optional[str] = ..., device: _Optional[_Union[_session_pb2.Device, _Mapping]] = ..., proof: _Optional[_Union[_session_pb2.PossessionProof, _Mapping]] = ...) -> None: ...

class RefreshSessionResponse(_message.Message):
    __slots__ = ("tokens", "replayed")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    tokens: _session_pb2.Tokens
    replayed: bool
    def __init__(self, tokens: _Optional[_Union[_session_pb2.Tokens, _Mapping]] = ..., replayed: bool = ...) -> None: ...

class RevokeSessionRequest(_message.Message):
    __slots__ = ("session_id", "refresh_token", "access_token", "provider_session", "subject", "tenant", "client", "issuer", "key", "except_session_id", "cause", "note", "logout")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_SESSION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    EXCEPT_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    LOGOUT_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    refresh_token: str
    access_token: str
    provider_session: ProviderSession
    subject: Subject
    tenant: Tenant
    client: ClientApplication
    issuer: str
    key: SigningKey
    except_session_id: str
    cause: _session_pb2.RevocationCause
    note: str
    logout: bool
    def __init__(self, session_id: _Optional[str] = ..., refresh_token: _Optional[str] = ..., access_token: _Optional[str] = ..., provider_session: _Optional[_Union[ProviderSession, _Mapping]] = ..., subject: _Optional[_Union[Subject, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ..., client: _Optional[_Union[ClientApplication, _Mapping]] = ..., issuer: _Optional[str] = ..., key: _Optional[_Union[SigningKey, _Mapping]] = ..., except_session_id: _Optional[str] = ..., cause: _Optional[_Union[_session_pb2.RevocationCause, str]] = ..., note: _Optional[str] = ..., logout: bool = ...) -> None: ...

class RevokeSessionResponse(_message.Message):
    __slots__ = ("revision", "sessions_ended", "revocations", "end_session_url")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_ENDED_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    END_SESSION_URL_FIELD_NUMBER: _ClassVar[int]
    revision: str
    sessions_ended: int
    revocations: _containers.RepeatedCompositeFieldContainer[_session_pb2.Revocation]
    end_session_url: str
    def __init__(self, revision: _Optional[str] = ..., sessions_ended: _Optional[int] = ..., revocations: _Optional[_Iterable[_Union[_session_pb2.Revocation, _Mapping]]] = ..., end_session_url: _Optional[str] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class GetSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.SessionRecord
    def __init__(self, session: _Optional[_Union[_session_pb2.SessionRecord, _Mapping]] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("subject", "page_size", "page_token")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject: Subject
    page_size: int
    page_token: str
    def __init__(self, subject: _Optional[_Union[Subject, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "next_page_token")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[_session_pb2.SessionRecord]
    next_page_token: str
    def __init__(self, sessions: _Optional[_Iterable[_Union[_session_pb2.SessionRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchRevocationsRequest(_message.Message):
    __slots__ = ("from_revision",)
    FROM_REVISION_FIELD_NUMBER: _ClassVar[int]
    from_revision: str
    def __init__(self, from_revision: _Optional[str] = ...) -> None: ...

class GetRevocationStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRevocationStatusResponse(_message.Message):
    __slots__ = ("server", "revision", "revocations", "watchers", "max_staleness", "partitions")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    WATCHERS_FIELD_NUMBER: _ClassVar[int]
    MAX_STALENESS_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    server: str
    revision: str
    revocations: int
    watchers: int
    max_staleness: _duration_pb2.Duration
    partitions: _containers.RepeatedCompositeFieldContainer[PartitionStatus]
    def __init__(self, server: _Optional[str] = ..., revision: _Optional[str] = ..., revocations: _Optional[int] = ..., watchers: _Optional[int] = ..., max_staleness: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., partitions: _Optional[_Iterable[_Union[PartitionStatus, _Mapping]]] = ...) -> None: ...

class PartitionStatus(_message.Message):
    __slots__ = ("partition", "incarnation", "read", "behind", "age", "restoring", "resync_time", "resync_reason")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    RESTORING_FIELD_NUMBER: _ClassVar[int]
    RESYNC_TIME_FIELD_NUMBER: _ClassVar[int]
    RESYNC_REASON_FIELD_NUMBER: _ClassVar[int]
    partition: int
    incarnation: bytes
    read: int
    behind: int
    age: _duration_pb2.Duration
    restoring: bool
    resync_time: _timestamp_pb2.Timestamp
    resync_reason: ResyncReason
    def __init__(self, partition: _Optional[int] = ..., incarnation: _Optional[bytes] = ..., read: _Optional[int] = ..., behind: _Optional[int] = ..., age: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., restoring: bool = ..., resync_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., resync_reason: _Optional[_Union[ResyncReason, str]] = ...) -> None: ...

class WatchRevocationsResponse(_message.Message):
    __slots__ = ("started", "revocation", "freshness", "reset")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    REVOCATION_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    started: Started
    revocation: _session_pb2.Revocation
    freshness: _session_pb2.Freshness
    reset: Reset
    def __init__(self, started: _Optional[_Union[Started, _Mapping]] = ..., revocation: _Optional[_Union[_session_pb2.Revocation, _Mapping]] = ..., freshness: _Optional[_Union[_session_pb2.Freshness, _Mapping]] = ..., reset: _Optional[_Union[Reset, _Mapping]] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("revision", "max_staleness", "configuration", "server")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    MAX_STALENESS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    revision: str
    max_staleness: _duration_pb2.Duration
    configuration: str
    server: str
    def __init__(self, revision: _Optional[str] = ..., max_staleness: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., configuration: _Optional[str] = ..., server: _Optional[str] = ...) -> None: ...

class Reset(_message.Message):
    __slots__ = ("revision", "configuration")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    revision: str
    configuration: str
    def __init__(self, revision: _Optional[str] = ..., configuration: _Optional[str] = ...) -> None: ...

class ProviderTokens(_message.Message):
    __slots__ = ("issuer", "access_token", "refresh_token", "id_token")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ID_TOKEN_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    access_token: str
    refresh_token: str
    id_token: str
    def __init__(self, issuer: _Optional[str] = ..., access_token: _Optional[str] = ..., refresh_token: _Optional[str] = ..., id_token: _Optional[str] = ...) -> None: ...

class AuthorizationCode(_message.Message):
    __slots__ = ("issuer", "code", "redirect_uri", "code_verifier", "nonce")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REDIRECT_URI_FIELD_NUMBER: _ClassVar[int]
    CODE_VERIFIER_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    code: str
    redirect_uri: str
    code_verifier: str
    nonce: str
    def __init__(self, issuer: _Optional[str] = ..., code: _Optional[str] = ..., redirect_uri: _Optional[str] = ..., code_verifier: _Optional[str] = ..., nonce: _Optional[str] = ...) -> None: ...

class LocalLogin(_message.Message):
    __slots__ = ("subject", "client_id", "tenant_id", "audiences", "scopes", "claims_json", "auth_time", "acr", "amr")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIENCES_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_JSON_FIELD_NUMBER: _ClassVar[int]
    AUTH_TIME_FIELD_NUMBER: _ClassVar[int]
    ACR_FIELD_NUMBER: _ClassVar[int]
    AMR_FIELD_NUMBER: _ClassVar[int]
    subject: str
    client_id: str
    tenant_id: str
    audiences: _containers.RepeatedScalarFieldContainer[str]
    scopes: _containers.RepeatedScalarFieldContainer[str]
    claims_json: str
    auth_time: _timestamp_pb2.Timestamp
    acr: str
    amr: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, subject: _Optional[str] = ..., client_id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., audiences: _Optional[_Iterable[str]] = ..., scopes: _Optional[_Iterable[str]] = ..., claims_json: _Optional[str] = ..., auth_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., acr: _Optional[str] = ..., amr: _Optional[_Iterable[str]] = ...) -> None: ...

class Subject(_message.Message):
    __slots__ = ("issuer", "subject")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    subject: str
    def __init__(self, issuer: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class ProviderSession(_message.Message):
    __slots__ = ("issuer", "session_id")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    session_id: str
    def __init__(self, issuer: _Optional[str] = ..., session_id: _Optional[str] = ...) -> None: ...

class Tenant(_message.Message):
    __slots__ = ("issuer", "tenant_id")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    tenant_id: str
    def __init__(self, issuer: _Optional[str] = ..., tenant_id: _Optional[str] = ...) -> None: ...

class ClientApplication(_message.Message):
    __slots__ = ("issuer", "client_id")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    client_id: str
    def __init__(self, issuer: _Optional[str] = ..., client_id: _Optional[str] = ...) -> None: ...

class SigningKey(_message.Message):
    __slots__ = ("issuer", "key_id")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    key_id: str
    def __init__(self, issuer: _Optional[str] = ..., key_id: _Optional[str] = ...) -> None: ...
