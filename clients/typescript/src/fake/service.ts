import { create } from "@bufbuild/protobuf";

import { toDuration } from "../messages/spans.js";
import type { Consistency } from "../sessiond/v1/session_pb.js";
import {
  type CreateSessionRequest,
  CreateSessionResponseSchema,
  GetRevocationStatusResponseSchema,
  type GetSessionRequest,
  GetSessionResponseSchema,
  type ListSessionsRequest,
  ListSessionsResponseSchema,
  type RefreshSessionRequest,
  RefreshSessionResponseSchema,
  type RevokeSessionRequest,
  type ValidateTokenRequest,
  type ValidateTokensRequest,
  ValidateTokensResponseSchema,
} from "../sessiond/v1/session_service_pb.js";
import { isSessionId } from "./claims.js";
import { CONFIGURATION, fromRevision } from "./event-log.js";
import { judge } from "./judge.js";
import { openingOf } from "./opening.js";
import { fieldInvalid, notASessionId, sessionNotFound, unsupported } from "./refusals.js";
import { revoke } from "./revoking.js";
import type { FakeState } from "./state.js";
import { MAX_STALENESS_MS } from "./watching.js";

const MOST_IN_A_BATCH = 1_000;
const LARGEST_PAGE = 100;

/** Carries the methods out; `caller` is the header of who calls. */
export class FakeService {
  constructor(readonly state: FakeState) {}

  validateToken({ token, requirements, proof, consistency }: ValidateTokenRequest) {
    this.#checkConsistency(consistency);
    return judge(this.state, token, requirements, proof);
  }

  validateTokens({ tokens, requirements, consistency }: ValidateTokensRequest) {
    if (tokens.length < 1 || tokens.length > MOST_IN_A_BATCH) {
      throw fieldInvalid("tokens", "another number of tokens", `1 to ${MOST_IN_A_BATCH} tokens`);
    }
    this.#checkConsistency(consistency);
    const results = tokens.map((token) => judge(this.state, token, requirements));
    return create(ValidateTokensResponseSchema, { results });
  }

  createSession(request: CreateSessionRequest) {
    const opened = this.state.open(openingOf(request));
    return create(CreateSessionResponseSchema, { tokens: this.state.issue(opened) });
  }

  refreshSession(request: RefreshSessionRequest, caller: string) {
    if (request.issuer !== "") throw unsupported("issuer");
    const { label = "", userAgent = "" } = request.device ?? {};
    const { of, isReplayed: replayed } = this.state.spend(request, { caller, label, userAgent });
    return create(RefreshSessionResponseSchema, { tokens: this.state.issue(of), replayed });
  }

  revokeSession(request: RevokeSessionRequest) {
    return revoke(this.state, request);
  }

  getSession({ sessionId }: GetSessionRequest) {
    if (!isSessionId(sessionId)) throw notASessionId("session_id");
    const of = this.state.sessions.get(sessionId);
    if (of === undefined || !this.state.isLive(of)) throw sessionNotFound();
    return create(GetSessionResponseSchema, { session: of.record() });
  }

  /** The newest first. */
  listSessions({ subject, pageSize, pageToken }: ListSessionsRequest) {
    const live = [...this.state.sessions.values()]
      .filter((of) => of.opening.login.subject === subject?.subject && this.state.isLive(of))
      .sort((one, other) => other.start - one.start);
    const size = pageSize > 0 ? Math.min(pageSize, LARGEST_PAGE) : LARGEST_PAGE;
    const from = pageToken === "" ? 0 : 1 + live.findIndex((of) => of.id === pageToken);
    const page = live.slice(from, from + size);
    return create(ListSessionsResponseSchema, {
      sessions: page.map((of) => of.record()),
      nextPageToken: from + size < live.length ? (page.at(-1)?.id ?? "") : "",
    });
  }

  getRevocationStatus(watchers: number) {
    const { log } = this.state;
    const read = BigInt(log.length);
    return create(GetRevocationStatusResponseSchema, {
      server: CONFIGURATION,
      revision: log.revision,
      revocations: read,
      watchers,
      maxStaleness: toDuration(MAX_STALENESS_MS),
      partitions: [{ incarnation: new Uint8Array(16), read, age: toDuration(0) }],
    });
  }

  /** Refuses what is no revision: whatever has happened is known here. */
  #checkConsistency(consistency: Consistency | undefined): void {
    const wanted = consistency?.requirement;
    if (wanted?.case !== "atLeastAsFresh") return;
    const events = fromRevision(wanted.value.revision);
    if (events === undefined || events > this.state.log.length) {
      const field = "consistency.at_least_as_fresh.revision";
      throw fieldInvalid(field, "what is no revision", "a revision that sessiond returned");
    }
  }
}
