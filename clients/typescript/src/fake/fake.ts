import { SessiondClient } from "../client.js";
import type { LocalLogin } from "../login.js";
import { hashedId } from "../memory/hashed-ids.js";
import type { RevokeTarget } from "../revoke.js";
import { RevocationType } from "../sessiond/v1/session_pb.js";
import type { ClientOptions } from "../settings.js";
import type { Tokens } from "../tokens.js";
import type { FakeCall } from "./calls.js";
import { fromRevision } from "./event-log.js";
import { AUDIENCE, ISSUER, random } from "./identifiers.js";
import { verify } from "./judge.js";
import { FakeServer, OWN_CLIENT } from "./server.js";
import { ACCESS_LIFETIME_MS } from "./session.js";
import { ACCESS_HEADER, FakeState } from "./state.js";
import type { Part } from "./token.js";
import { MAX_STALENESS_MS } from "./watching.js";

/** In a test nothing has to be over in a second. */
const PATIENCE_MS = 10_000;

/**
 * A sessiond for tests: it speaks the real protocol on a port of loopback, so that client, cache and
 * middleware run as in production, and gives the verdicts of a server in its words and its order. What
 * changes something is awaited until each client that `client` has made can repeat nothing from before.
 */
export class FakeSessiond {
  readonly #state: FakeState;
  readonly #server: FakeServer;
  readonly #own: SessiondClient;
  readonly #clients: SessiondClient[] = [];

  private constructor(
    state: FakeState,
    server: FakeServer,
    key: string,
    /** Where it listens, for clients that are made elsewhere. */
    readonly target: string,
  ) {
    this.#state = state;
    this.#server = server;
    this.#own = new SessiondClient(target, { key, cache: false, timeoutMs: PATIENCE_MS });
  }

  /** Begins to listen. */
  static async listen(): Promise<FakeSessiond> {
    const state = new FakeState();
    const key = random(16);
    const server = new FakeServer(state, `Bearer ${key}`);
    return new FakeSessiond(state, server, key, await server.listen());
  }

  /** Closes it, and every client that it has made. */
  close(): void {
    for (const client of [this.#own, ...this.#clients]) client.close();
    this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** A client of this fake, with options as in production. */
  client(options: ClientOptions = {}): SessiondClient {
    const channelOptions = { ...options.channelOptions, "grpc.primary_user_agent": OWN_CLIENT };
    const client = new SessiondClient(this.target, {
      timeoutMs: PATIENCE_MS,
      ...options,
      channelOptions,
    });
    this.#clients.push(client);
    return client;
  }

  /** Opens a session with scopes, for a user who has just proved who they are. */
  login(subject: string, ...scopes: string[]): Promise<Tokens> {
    return this.loginWith(subject, { scopes, authTime: this.now() });
  }

  /** Opens a session. */
  loginWith(subject: string, login: LocalLogin): Promise<Tokens> {
    return this.#own.createLocalSession(subject, login);
  }

  /** Signs a token whose header and claims are as given, and otherwise those of a good one of alice. */
  sign({ header = {}, claims = {} }: { header?: Part; claims?: Part } = {}): string {
    const now = Math.floor(this.#state.now() / 1_000);
    const usual = {
      iss: ISSUER,
      sub: "alice",
      aud: AUDIENCE,
      client_id: AUDIENCE,
      iat: now,
      exp: now + ACCESS_LIFETIME_MS / 1_000,
      jti: random(16),
      sid: `sds_${random(16)}`,
      sct: this.#state.nextStart(),
    };
    return this.#state.signer.sign({ ...ACCESS_HEADER, ...header }, { ...usual, ...claims });
  }

  /** Ends the session of a token, or the one of an id (sds_...). */
  async revoke(what: string): Promise<void> {
    await this.#own.revoke(targetOf(what));
    await this.#settled();
  }

  /** Ends every session of a subject. */
  async revokeSubject(subject: string): Promise<void> {
    await this.#own.revoke({ subject: { issuer: ISSUER, subject } });
    await this.#settled();
  }

  /** Has an access token expire before its time. */
  expire(accessToken: string): Promise<void> {
    return this.#change((state) => {
      const claims = verify(state, accessToken);
      if ("reason" in claims) throw new TypeError("what is to expire is no access token of this fake");
      const { tokenId } = claims.session;
      state.expired.add(tokenId);
      state.log.revoke(RevocationType.TOKEN, hashedId("token", ISSUER, tokenId), state.now());
    });
  }

  /** What time it is at the fake. */
  now(): Date {
    return new Date(this.#state.now());
  }

  /** Lets time pass at the fake. */
  advance(milliseconds: number): Promise<void> {
    return this.#change((state) => {
      if (state.stoppedAt === undefined) state.aheadMs += milliseconds;
      else state.stoppedAt += milliseconds;
      state.log.reset();
    });
  }

  /** Has the clock stand still. */
  setTime(now: Date): Promise<void> {
    return this.#change((state) => {
      state.stoppedAt = now.getTime();
      state.log.reset();
    });
  }

  /** Answers nobody from now on, until `back`. */
  away(): Promise<void> {
    return this.#change((state) => {
      state.isAway = true;
      state.log.reset();
    });
  }

  /** Answers again. */
  back(): void {
    this.#state.isAway = false;
  }

  /**
   * The calls that have come so far, in their order: those of clients, which have asked again what was not
   * answered, and none of the fake's own functions. Streams of revocations are not among them.
   */
  get calls(): readonly FakeCall[] {
    return [...this.#server.calls];
  }

  async #change(something: (state: FakeState) => void): Promise<void> {
    something(this.#state);
    await this.#settled();
  }

  /**
   * Waits until every client has applied what it was told, or nobody can repeat what was before: after the
   * longest staleness. A client that the fake does not know is given that time.
   */
  async #settled(): Promise<void> {
    const events = this.#state.log.length;
    const until = performance.now() + MAX_STALENESS_MS;
    const isDone = () =>
      !this.#server.hasForeignWatcher && this.#clients.every((one) => hasApplied(one, events));
    while (!isDone() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Whether a client can repeat nothing from before so many events. */
function hasApplied(client: SessiondClient, events: number): boolean {
  const { heardRevision, isFresh } = client.known;
  return !isFresh || (fromRevision(heardRevision) ?? 0) >= events;
}

function targetOf(what: string): RevokeTarget {
  if (what.startsWith("sds_")) return { sessionId: what };
  return what.startsWith("sdr1_") ? { refreshToken: what } : { accessToken: what };
}
