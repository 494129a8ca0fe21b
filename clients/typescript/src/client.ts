import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";

import { Caller, checkTimeout } from "./calls/caller.js";
import { connect } from "./calls/channel.js";
import { givenUp, ownFailure, tooLate } from "./calls/failures.js";
import { type Identify, identifyBy } from "./calls/key.js";
import { IDEMPOTENT, ONCE, type Repeats, repeatsOfRefresh } from "./calls/repeats.js";
import { watchEvents } from "./calls/streams.js";
import { Counters } from "./counters.js";
import { invalid } from "./errors.js";
import type { AuthorizationCode, Bearer, CallOptions, LocalLogin, Login, ProviderTokens } from "./login.js";
import { toCreateRequest, toLocalLogin, toRefreshRequest, toRevokeRequest } from "./messages/requests.js";
import { toRecord, toRevocationResult, toTokens } from "./messages/results.js";
import type { Numbers } from "./observer.js";
import type { Policy } from "./policy.js";
import { type RevocationStatus, toStatus, type WatchEvent } from "./revocations.js";
import type { RevocationResult, RevokeOptions, RevokeTarget } from "./revoke.js";
import type { Session, SessionRecord } from "./session.js";
import {
  type CreateSessionRequestSchema,
  type RefreshSessionRequestSchema,
  type RevokeSessionRequest,
  SessionService,
} from "./sessiond/v1/session_service_pb.js";
import { type ClientOptions, type Settings, toSettings } from "./settings.js";
import type { Tokens } from "./tokens.js";
import { Validation } from "./validation/validation.js";
import type { ValidateAllOptions, ValidateOptions, Validator } from "./validator.js";
import type { Undecided, Verdict } from "./verdict.js";

/** How sessions are listed. */
export interface ListOptions extends CallOptions {
  /**
   * How many come with one call, each of which has the time of the options: 100 is the default, and the most.
   */
  readonly pageSize?: number;
}

/**
 * Asks a sessiond. Use one for all of a process: it has one connection, keeps acceptances, and joins what is
 * asked at the same time.
 *
 * Every call ends within the client's timeout, or earlier with its signal, and rejects with a SessiondError
 * where it is refused or fails. Questions and revocations are made up to three times where a server is
 * unavailable, refreshes too as long as the same token gets the same successor, and the opening of a session
 * once.
 */
export class SessiondClient implements Validator {
  readonly #client: Client;
  readonly #identify: Identify;
  readonly #settings: Settings;
  readonly #caller: Caller;
  readonly #validation: Validation;

  /**
   * Makes a client for a target: host:port, dns:///name:port for all addresses of a name in turn, or
   * unix:PATH. It connects in the background; what cannot work at all is thrown. Without `tls` only a target
   * on this machine is taken, unless `insecure` says so.
   */
  constructor(target: string, options: ClientOptions = {}) {
    this.#settings = toSettings(options);
    this.#identify = identifyBy(options.key);
    this.#identify(); // a key that cannot be had is a mistake of whoever starts this
    this.#client = connect(target, options, options.channelOptions);
    this.#caller = new Caller(this.#client, this.#settings.observer);
    const counters = new Counters(this.#settings.observer);
    this.#validation = new Validation(this.#caller, this.#identify, counters, this.#settings);
  }

  /** Waits until there is a connection; it rejects with an UnavailableError where there is none in time. */
  async ready(timeoutMs: number): Promise<void> {
    checkTimeout("timeoutMs", timeoutMs);
    if (this.#caller.isClosed) throw givenUp();
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (failed) => (failed ? reject(tooLate()) : resolve()));
    });
  }

  /** Ends the connection, and all that is under way: calls, and what is watched. */
  close(): void {
    this.#validation.close();
    this.#caller.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** What was done so far, and what is kept now. */
  get numbers(): Numbers {
    return this.#validation.numbers;
  }

  /** @internal How far it has heard of revocations, and whether it may repeat what it keeps. */
  get known(): { readonly heardRevision: string; readonly isFresh: boolean } {
    return this.#validation.known;
  }

  /**
   * Gives the verdict on an access token. It rests on what this client keeps and knows, or on what a server
   * knows. With a consistency other than `cached`, or with a proof, a server is asked in any case.
   */
  validate(token: string, policy?: Policy, options?: ValidateOptions): Promise<Verdict> {
    return this.#validation.validate(token, policy, options);
  }

  /** The session of a token whose acceptance is kept, and may be repeated now; no call is made. */
  peek(token: string, policy?: Policy): Session | undefined {
    const kept = this.#validation.peek(token, policy);
    return kept?.ok === true ? kept.session : undefined;
  }

  /**
   * Gives the verdicts on 1 to 1,000 access tokens, in their order and as of one moment; together they have
   * at most 1 MiB. One whose issuer's keys cannot be had, or have to be fetched first, is undecided, alone,
   * and so is one that would be rejected where too many are (RATE_LIMITED); where all are, the call is an
   * UnavailableError. A server is asked about all of them, whatever this client keeps.
   */
  validateAll(
    tokens: readonly string[],
    policy?: Policy,
    options?: ValidateAllOptions,
  ): Promise<(Verdict | Undecided)[]> {
    return this.#validation.validateAll(tokens, policy, options);
  }

  /**
   * Spends a refresh token. After an UnavailableError the same call may be made again; it has been by then,
   * as long as the same token gets the same successor.
   */
  async refresh(refreshToken: string, bearer: Bearer = {}, options: CallOptions = {}): Promise<Tokens> {
    return this.#refresh(toRefreshRequest(refreshToken, bearer), bearer, options);
  }

  /**
   * Opens a session for a refresh token that a provider gave to somebody else than sessiond. The token is
   * exchanged there, and opens one session, however often it is presented.
   *
   * Whoever lost the answer gets the same tokens again from the same device, replayed, within the server's
   * grace and until they are in use: so this is repeated as `refresh` is. A RefreshRefusedError says
   * PROVIDER_REFUSED where the provider takes the token no more, and REFRESH_TOKEN_SUPERSEDED where its
   * session is in use, or another device asks; a LoginRefusedError that what the provider gave for it opens
   * no session; an InvalidArgumentError that the issuer adopts no tokens, or that there is no issuer.
   */
  async adopt(
    issuer: string,
    refreshToken: string,
    bearer: Bearer = {},
    options: CallOptions = {},
  ): Promise<Tokens> {
    // Otherwise the token would be presented as one of sessiond's own.
    if (issuer === "") throw invalid("issuer", "none", "the provider that gave the token");
    return this.#refresh(toRefreshRequest(refreshToken, bearer, issuer), bearer, options);
  }

  /** Opens a session at the local issuer for a subject that the caller vouches for. */
  async createLocalSession(
    subject: string,
    login: LocalLogin = {},
    options: CallOptions = {},
  ): Promise<Tokens> {
    const source = { case: "localLogin" as const, value: toLocalLogin(subject, login) };
    return this.#create(toCreateRequest(source, login), this.#settings.timeoutMs, options);
  }

  /** Opens a session for a login at a provider, whose tokens the caller has. */
  async createSession(
    issuer: string,
    tokens: ProviderTokens,
    login: Login = {},
    options: CallOptions = {},
  ): Promise<Tokens> {
    const { accessToken, refreshToken, idToken = "" } = tokens;
    const value = { issuer, accessToken, refreshToken, idToken };
    const request = toCreateRequest({ case: "providerTokens", value }, login);
    return this.#create(request, this.#settings.providerTimeoutMs, options);
  }

  /** Opens a session for a login at a provider, whose authorization code the caller has. */
  async createSessionFromCode(
    issuer: string,
    { code, redirectUri, codeVerifier, nonce = "" }: AuthorizationCode,
    login: Login = {},
    options: CallOptions = {},
  ): Promise<Tokens> {
    const value = { issuer, code, redirectUri, codeVerifier, nonce };
    const request = toCreateRequest({ case: "authorizationCode", value }, login);
    return this.#create(request, this.#settings.providerTimeoutMs, options);
  }

  /** Revokes; the next validation by this client sees it. */
  async revoke(target: RevokeTarget, options: RevokeOptions = {}): Promise<RevocationResult> {
    const request = toRevokeRequest(target, options);
    const { revokeSession } = SessionService.method;
    const response = await this.#call(revokeSession, request, this.#settings.timeoutMs, options);
    this.#validation.end(request.target as RevokeSessionRequest["target"], response);
    return toRevocationResult(response);
  }

  /** What is known of a live session; one that is unknown or has ended is a NotFoundError. */
  async getSession(sessionId: string, options: CallOptions = {}): Promise<SessionRecord> {
    const { getSession } = SessionService.method;
    const { session } = await this.#call(getSession, { sessionId }, this.#settings.timeoutMs, options);
    if (session === undefined) throw ownFailure("INTERNAL", "the answer has no session");
    return toRecord(session);
  }

  /** The live sessions of a subject, newest first, page after page. */
  async *listSessions(
    issuer: string,
    subject: string,
    options: ListOptions = {},
  ): AsyncGenerator<SessionRecord, void, undefined> {
    const { listSessions } = SessionService.method;
    const request = { subject: { issuer, subject }, pageSize: options.pageSize ?? 0, pageToken: "" };
    do {
      const page = await this.#call(listSessions, request, this.#settings.timeoutMs, options);
      for (const record of page.sessions) yield toRecord(record);
      request.pageToken = page.nextPageToken;
    } while (request.pageToken !== "");
  }

  /** How far the server that answers has read the revocations. */
  async revocationStatus(options: CallOptions = {}): Promise<RevocationStatus> {
    const { getRevocationStatus } = SessionService.method;
    return toStatus(await this.#call(getRevocationStatus, {}, this.#settings.timeoutMs, options));
  }

  /**
   * What a server tells of revocations, from a revision on (now, if empty), until the stream ends: by itself
   * within five minutes, or with the signal. Nothing that this client keeps depends on it: revocations are
   * followed anyway.
   */
  async *watchRevocations(
    fromRevision = "",
    { signal }: Pick<CallOptions, "signal"> = {},
  ): AsyncGenerator<WatchEvent, void, undefined> {
    const underWay = this.#caller.begin(signal);
    try {
      yield* watchEvents(this.#client, fromRevision, this.#identify(), underWay.signal);
    } finally {
      underWay.over();
    }
  }

  async #refresh(
    request: MessageInitShape<typeof RefreshSessionRequestSchema>,
    bearer: Bearer,
    options: CallOptions,
  ): Promise<Tokens> {
    const { refreshSession } = SessionService.method;
    const { providerTimeoutMs } = this.#settings;
    const repeats = repeatsOfRefresh(bearer);
    const response = await this.#call(refreshSession, request, providerTimeoutMs, options, repeats);
    return toTokens(response.tokens, response.replayed);
  }

  async #create(
    request: MessageInitShape<typeof CreateSessionRequestSchema>,
    timeoutMs: number,
    options: CallOptions,
  ): Promise<Tokens> {
    const { createSession } = SessionService.method;
    const response = await this.#call(createSession, request, timeoutMs, options, ONCE);
    return toTokens(response.tokens, false);
  }

  async #call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    defaultMs: number,
    { timeoutMs = defaultMs, signal }: CallOptions,
    repeats: Repeats = IDEMPOTENT,
  ): Promise<MessageShape<Output>> {
    const plan = { authorization: this.#identify(), timeoutMs, signal, repeats };
    return this.#caller.call(method, request, plan);
  }
}
