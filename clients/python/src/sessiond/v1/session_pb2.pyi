from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sessiond.v1 import error_reason_pb2 as _error_reason_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RevocationCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVOCATION_CAUSE_UNSPECIFIED: _ClassVar[RevocationCause]
    REVOCATION_CAUSE_LOGOUT: _ClassVar[RevocationCause]
    REVOCATION_CAUSE_ADMIN: _ClassVar[RevocationCause]
    REVOCATION_CAUSE_COMPROMISE: _ClassVar[RevocationCause]
    REVOCATION_CAUSE_POLICY: _ClassVar[RevocationCause]

class RevocationType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVOCATION_TYPE_UNSPECIFIED: _ClassVar[RevocationType]
    REVOCATION_TYPE_SESSION: _ClassVar[RevocationType]
    REVOCATION_TYPE_PROVIDER_SESSION: _ClassVar[RevocationType]
    REVOCATION_TYPE_TOKEN: _ClassVar[RevocationType]
    REVOCATION_TYPE_SUBJECT: _ClassVar[RevocationType]
    REVOCATION_TYPE_TENANT: _ClassVar[RevocationType]
    REVOCATION_TYPE_CLIENT: _ClassVar[RevocationType]
    REVOCATION_TYPE_ISSUER: _ClassVar[RevocationType]
    REVOCATION_TYPE_KEY: _ClassVar[RevocationType]
REVOCATION_CAUSE_UNSPECIFIED: RevocationCause
REVOCATION_CAUSE_LOGOUT: RevocationCause
REVOCATION_CAUSE_ADMIN: RevocationCause
REVOCATION_CAUSE_COMPROMISE: RevocationCause
REVOCATION_CAUSE_POLICY: RevocationCause
REVOCATION_TYPE_UNSPECIFIED: RevocationType
REVOCATION_TYPE_SESSION: RevocationType
REVOCATION_TYPE_PROVIDER_SESSION: RevocationType
REVOCATION_TYPE_TOKEN: RevocationType
REVOCATION_TYPE_SUBJECT: RevocationType
REVOCATION_TYPE_TENANT: RevocationType
REVOCATION_TYPE_CLIENT: RevocationType
REVOCATION_TYPE_ISSUER: RevocationType
REVOCATION_TYPE_KEY: RevocationType

class Session(_message.Message):
    __slots__ = ("principal", "issuer", "subject", "session_id", "provider_session_id", "tenant_id", "client_id", "token_id", "key_id", "audiences", "scopes", "roles", "permissions", "issue_time", "expire_time", "auth_time", "acr", "amr", "actor", "claims_json", "confirmation")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIENCES_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    ISSUE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    AUTH_TIME_FIELD_NUMBER: _ClassVar[int]
    ACR_FIELD_NUMBER: _ClassVar[int]
    AMR_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_JSON_FIELD_NUMBER: _ClassVar[int]
    CONFIRMATION_FIELD_NUMBER: _ClassVar[int]
    principal: str
    issuer: str
    subject: str
    session_id: str
    provider_session_id: str
    tenant_id: str
    client_id: str
    token_id: str
    key_id: str
    audiences: _containers.RepeatedScalarFieldContainer[str]
    scopes: _containers.RepeatedScalarFieldContainer[str]
    roles: _containers.RepeatedScalarFieldContainer[str]
    permissions: _containers.RepeatedScalarFieldContainer[str]
    issue_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    auth_time: _timestamp_pb2.Timestamp
    acr: str
    amr: _containers.RepeatedScalarFieldContainer[str]
    actor: Actor
    claims_json: str
    confirmation: Confirmation
    def __init__(self, principal: _Optional[str] = ..., issuer: _Optional[str] = ..., subject: _Optional[str] = ..., session_id: _Optional[str] = ..., provider_session_id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., client_id: _Optional[str] = ..., token_id: _Optional[str] = ..., key_id: _Optional[str] = ..., audiences: _Optional[_Iterable[str]] = ..., scopes: _Optional[_Iterable[str]] = ..., roles: _Optional[_Iterable[str]] = ..., permissions: _Optional[_Iterable[str]] = ..., issue_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., auth_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., acr: _Optional[str] = ..., amr: _Optional[_Iterable[str]] = ..., actor: _Optional[_Union[Actor, _Mapping]] = ..., claims_json: _Optional[str] = ..., confirmation: _Optional[_Union[Confirmation, _Mapping]] = ...) -> None: ...

class Actor(_message.Message):
    __slots__ = ("issuer", "subject", "actor")
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    issuer: str
    subject: str
    actor: Actor
    def __init__(self, issuer: _Optional[str] = ..., subject: _Optional[str] = ..., actor: _Optional[_Union[Actor, _Mapping]] = ...) -> None: ...

class Confirmation(_message.Message):
    __slots__ = ("x5t_s256", "jkt")
    X5T_S256_FIELD_NUMBER: _ClassVar[int]
    JKT_FIELD_NUMBER: _ClassVar[int]
    x5t_s256: str
    jkt: str
    def __init__(self, x5t_s256: _Optional[str] = ..., jkt: _Optional[str] = ...) -> None: ...

class Tokens(_message.Message):
    __slots__ = ("access_token", "access_expire_time", "refresh_token", "refresh_expire_time", "session")
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACCESS_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REFRESH_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    access_token: str
    access_expire_time: _timestamp_pb2.Timestamp
    refresh_token: str
    refresh_expire_time: _timestamp_pb2.Timestamp
    session: Session
    def __init__(self, access_token: _Optional[str] = ..., access_expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., refresh_token: _Optional[str] = ..., refresh_expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., session: _Optional[_Union[Session, _Mapping]] = ...) -> None: ...

class SessionRecord(_message.Message):
    __slots__ = ("session", "create_time", "last_refresh_time", "idle_expire_time", "absolute_expire_time", "device", "attributes")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SESSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_REFRESH_TIME_FIELD_NUMBER: _ClassVar[int]
    IDLE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ABSOLUTE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    session: Session
    create_time: _timestamp_pb2.Timestamp
    last_refresh_time: _timestamp_pb2.Timestamp
    idle_expire_time: _timestamp_pb2.Timestamp
    absolute_expire_time: _timestamp_pb2.Timestamp
    device: Device
    attributes: _containers.ScalarMap[str, str]
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., last_refresh_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., idle_expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., absolute_expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., attributes: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("ip_address", "user_agent", "label")
    IP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ip_address: str
    user_agent: str
    label: str
    def __init__(self, ip_address: _Optional[str] = ..., user_agent: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class PossessionProof(_message.Message):
    __slots__ = ("certificate_sha256", "dpop")
    CERTIFICATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    DPOP_FIELD_NUMBER: _ClassVar[int]
    certificate_sha256: bytes
    dpop: DpopProof
    def __init__(self, certificate_sha256: _Optional[bytes] = ..., dpop: _Optional[_Union[DpopProof, _Mapping]] = ...) -> None: ...

class DpopProof(_message.Message):
    __slots__ = ("proof", "method", "url")
    PROOF_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    proof: str
    method: str
    url: str
    def __init__(self, proof: _Optional[str] = ..., method: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class Requirements(_message.Message):
    __slots__ = ("issuers", "audiences", "scopes", "permissions", "claims", "max_auth_age", "acr_values")
    class ClaimsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ClaimValues
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ClaimValues, _Mapping]] = ...) -> None: ...
    ISSUERS_FIELD_NUMBER: _ClassVar[int]
    AUDIENCES_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    MAX_AUTH_AGE_FIELD_NUMBER: _ClassVar[int]
    ACR_VALUES_FIELD_NUMBER: _ClassVar[int]
    issuers: _containers.RepeatedScalarFieldContainer[str]
    audiences: _containers.RepeatedScalarFieldContainer[str]
    scopes: _containers.RepeatedScalarFieldContainer[str]
    permissions: _containers.RepeatedScalarFieldContainer[str]
    claims: _containers.MessageMap[str, ClaimValues]
    max_auth_age: _duration_pb2.Duration
    acr_values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, issuers: _Optional[_Iterable[str]] = ..., audiences: _Optional[_Iterable[str]] = ..., scopes: _Optional[_Iterable[str]] = ..., permissions: _Optional[_Iterable[str]] = ..., claims: _Optional[_Mapping[str, ClaimValues]] = ..., max_auth_age: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., acr_values: _Optional[_Iterable[str]] = ...) -> None: ...

class ClaimValues(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class Consistency(_message.Message):
    __slots__ = ("minimize_latency", "at_least_as_fresh", "fully_consistent")
    MINIMIZE_LATENCY_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_AS_FRESH_FIELD_NUMBER: _ClassVar[int]
    FULLY_CONSISTENT_FIELD_NUMBER: _ClassVar[int]
    minimize_latency: MinimizeLatency
    at_least_as_fresh: AtLeastAsFresh
    fully_consistent: FullyConsistent
    def __init__(self, minimize_latency: _Optional[_Union[MinimizeLatency, _Mapping]] = ..., at_least_as_fresh: _Optional[_Union[AtLeastAsFresh, _Mapping]] = ..., fully_consistent: _Optional[_Union[FullyConsistent, _Mapping]] = ...) -> None: ...

class MinimizeLatency(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AtLeastAsFresh(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: str
    def __init__(self, revision: _Optional[str] = ...) -> None: ...

class FullyConsistent(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("reason", "message", "next_action", "www_authenticate")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[Rejection.Reason]
        REASON_TOO_LARGE: _ClassVar[Rejection.Reason]
        REASON_MALFORMED: _ClassVar[Rejection.Reason]
        REASON_ISSUER_NOT_TRUSTED: _ClassVar[Rejection.Reason]
        REASON_ALGORITHM_NOT_ALLOWED: _ClassVar[Rejection.Reason]
        REASON_KEY_UNKNOWN: _ClassVar[Rejection.Reason]
        REASON_SIGNATURE_INVALID: _ClassVar[Rejection.Reason]
        REASON_TYPE_NOT_ALLOWED: _ClassVar[Rejection.Reason]
        REASON_CLAIM_MISSING: _ClassVar[Rejection.Reason]
        REASON_CLAIM_INVALID: _ClassVar[Rejection.Reason]
        REASON_EXPIRED: _ClassVar[Rejection.Reason]
        REASON_NOT_YET_VALID: _ClassVar[Rejection.Reason]
        REASON_AUDIENCE_MISMATCH: _ClassVar[Rejection.Reason]
        REASON_BINDING_MISMATCH: _ClassVar[Rejection.Reason]
        REASON_REVOKED: _ClassVar[Rejection.Reason]
        REASON_SCOPE_INSUFFICIENT: _ClassVar[Rejection.Reason]
        REASON_STEP_UP_REQUIRED: _ClassVar[Rejection.Reason]
    REASON_UNSPECIFIED: Rejection.Reason
    REASON_TOO_LARGE: Rejection.Reason
    REASON_MALFORMED: Rejection.Reason
    REASON_ISSUER_NOT_TRUSTED: Rejection.Reason
    REASON_ALGORITHM_NOT_ALLOWED: Rejection.Reason
    REASON_KEY_UNKNOWN: Rejection.Reason
    REASON_SIGNATURE_INVALID: Rejection.Reason
    REASON_TYPE_NOT_ALLOWED: Rejection.Reason
    REASON_CLAIM_MISSING: Rejection.Reason
    REASON_CLAIM_INVALID: Rejection.Reason
    REASON_EXPIRED: Rejection.Reason
    REASON_NOT_YET_VALID: Rejection.Reason
    REASON_AUDIENCE_MISMATCH: Rejection.Reason
    REASON_BINDING_MISMATCH: Rejection.Reason
    REASON_REVOKED: Rejection.Reason
    REASON_SCOPE_INSUFFICIENT: Rejection.Reason
    REASON_STEP_UP_REQUIRED: Rejection.Reason
    class NextAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NEXT_ACTION_UNSPECIFIED: _ClassVar[Rejection.NextAction]
        NEXT_ACTION_REFRESH: _ClassVar[Rejection.NextAction]
        NEXT_ACTION_REAUTHENTICATE: _ClassVar[Rejection.NextAction]
        NEXT_ACTION_STEP_UP: _ClassVar[Rejection.NextAction]
        NEXT_ACTION_DENY: _ClassVar[Rejection.NextAction]
    NEXT_ACTION_UNSPECIFIED: Rejection.NextAction
    NEXT_ACTION_REFRESH: Rejection.NextAction
    NEXT_ACTION_REAUTHENTICATE: Rejection.NextAction
    NEXT_ACTION_STEP_UP: Rejection.NextAction
    NEXT_ACTION_DENY: Rejection.NextAction
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_ACTION_FIELD_NUMBER: _ClassVar[int]
    WWW_AUTHENTICATE_FIELD_NUMBER: _ClassVar[int]
    reason: Rejection.Reason
    message: str
    next_action: Rejection.NextAction
    www_authenticate: str
    def __init__(self, reason: _Optional[_Union[Rejection.Reason, str]] = ..., message: _Optional[str] = ..., next_action: _Optional[_Union[Rejection.NextAction, str]] = ..., www_authenticate: _Optional[str] = ...) -> None: ...

class Undecided(_message.Message):
    __slots__ = ("reason", "retry_after")
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    reason: _error_reason_pb2.ErrorReason
    retry_after: _duration_pb2.Duration
    def __init__(self, reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., retry_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Freshness(_message.Message):
    __slots__ = ("revision", "age", "since_start")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    SINCE_START_FIELD_NUMBER: _ClassVar[int]
    revision: str
    age: _duration_pb2.Duration
    since_start: _duration_pb2.Duration
    def __init__(self, revision: _Optional[str] = ..., age: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., since_start: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Revocation(_message.Message):
    __slots__ = ("type", "hashed_id", "expire_time", "revision")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    HASHED_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    type: RevocationType
    hashed_id: bytes
    expire_time: _timestamp_pb2.Timestamp
    revision: str
    def __init__(self, type: _Optional[_Union[RevocationType, str]] = ..., hashed_id: _Optional[bytes] = ..., expire_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[str] = ...) -> None: ...
