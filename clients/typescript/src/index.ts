/** The client of sessiond. */
export type { Security } from "./calls/channel.js";
export type { Key } from "./calls/key.js";
export type { StatusCode } from "./calls/status-codes.js";
export type { TlsOptions } from "./calls/tls.js";
export { type ListOptions, SessiondClient } from "./client.js";
export type { Consistency } from "./consistency.js";
export {
  type Failure,
  InternalError,
  InvalidArgumentError,
  LoginRefusedError,
  NotFoundError,
  PermissionDeniedError,
  RefreshRefusedError,
  SessiondError,
  UnavailableError,
  UnsupportedError,
} from "./errors.js";
export type {
  AuthorizationCode,
  Bearer,
  CallOptions,
  DpopProof,
  LocalLogin,
  Login,
  Proofs,
  ProviderTokens,
} from "./login.js";
export type { Call, Numbers, Observer, Outcome, Validation, WatchState } from "./observer.js";
export { type Policy, policy, type Requirements } from "./policy.js";
export type { PartitionStatus, RevocationStatus, WatchEvent } from "./revocations.js";
export type { Cause, RevocationResult, RevokeOptions, RevokeTarget } from "./revoke.js";
export {
  type Actor,
  type Claims,
  type Device,
  Session,
  type SessionFields,
  type SessionRecord,
} from "./session.js";
export type { CacheOptions, ClientOptions } from "./settings.js";
export type { Tokens } from "./tokens.js";
export type { ValidateAllOptions, ValidateOptions, Validator } from "./validator.js";
export type { Accepted, NextAction, Reason, Rejected, Rejection, Undecided, Verdict } from "./verdict.js";
