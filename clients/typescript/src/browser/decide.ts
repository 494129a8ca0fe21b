import { type Denial, ofCrossSite, ofInvalid } from "../middleware/denial.js";
import type { Count } from "./cookies.js";
import { denialOf, hasEnded, type Refreshed, type Refusal, SUPERSEDED } from "./refusals.js";

/**
 * How long a browser's cookies are taken for those that a request brought, in milliseconds: a refusal that
 * comes later clears nothing, as somebody may have logged in meanwhile. A cookie is deleted by its name,
 * whatever its value.
 */
const LONGEST_WITHOUT_LOGIN_MS = 1_000;

/** What a request brings that has no token but in cookies. */
export interface Presented {
  readonly access: Count;
  readonly refresh: Count;
  /** Another site may have caused it. */
  readonly isCrossSite: boolean;
  /** The route is for nobody too. */
  readonly isOptional: boolean;
  /** Its answer may be written past the headers, and cookies with them. */
  readonly isUpgrade: boolean;
  /** The refresh token is sent to another path alone. */
  readonly isRefreshedElsewhere: boolean;
  readonly isNavigation: boolean;
  /** The browser has had an answer about its refresh token, and has no newer one. */
  readonly isMarked: boolean;
  /** What a request without a token is told. */
  readonly missing: Denial;
}

/** What a decision may need to know beyond that. */
export interface Asking {
  /** Judges the access token, that of a refresh once there was one; undefined means that it is good. */
  validate(): Promise<Denial | undefined>;
  refresh(): Promise<Refreshed>;
  /** The time since the request arrived. */
  elapsedMs(): number;
}

/**
 * What becomes of the cookies. With `mark` they stay, and the browser is told which refresh token the answer is
 * about.
 */
export type Change = "keep" | "set" | "clear" | "mark";

/**
 * What follows from a request: it goes on with a session, or for nobody; it is told why not; or it is
 * redirected to itself.
 */
export type Decision =
  | { readonly outcome: "session" | "nobody"; readonly change: Change }
  | { readonly outcome: "denied"; readonly change: Change; readonly denial: Denial }
  | { readonly outcome: "sentBack"; readonly change: "mark" };

/** The one decision on a request that brings no token but in cookies. */
export async function decide(presented: Presented, ask: Asking): Promise<Decision> {
  const { access, refresh, missing } = presented;
  if (access === "none" && refresh === "none") return withNothing(presented);
  if (presented.isCrossSite) return denied(ofCrossSite()); // before anything is asked, or spent
  if (access === "several") return denied(ofInvalid(new SeveralCookiesError()));
  if (access === "none") return refreshed(presented, missing, ask);
  const denial = await ask.validate();
  return denial?.nextAction === "REFRESH"
    ? refreshed(presented, denial, ask)
    : judged(presented, denial, "keep");
}

class SeveralCookiesError extends Error {
  override readonly name = "SeveralCookiesError";
}

function withNothing({ isOptional, isRefreshedElsewhere, missing }: Presented): Decision {
  if (isOptional) return { outcome: "nobody", change: "keep" };
  return denied(isRefreshedElsewhere ? refreshing(missing) : missing);
}

/** For who may have a session, but no good access token, and what is told of that otherwise. */
async function refreshed(presented: Presented, denial: Denial, ask: Asking): Promise<Decision> {
  const { refresh, isRefreshedElsewhere } = presented;
  if (refresh === "several") return denied(ofInvalid(new SeveralCookiesError()));
  if (refresh === "none" && !isRefreshedElsewhere) {
    return judged(presented, { ...denial, nextAction: "REAUTHENTICATE" }, "keep");
  }
  if (refresh === "none" || presented.isUpgrade) return denied(refreshing(denial));
  const { failed, refusal } = await ask.refresh();
  if (failed !== undefined) return denied(failed);
  if (refusal === undefined) return judged(presented, await ask.validate(), "set");
  if (refusal.reason === SUPERSEDED && presented.isNavigation && !presented.isMarked) {
    return { outcome: "sentBack", change: "mark" };
  }
  return judged(presented, denialOf(refusal), changeBy(refusal, presented, ask));
}

/**
 * What becomes of the cookies of who was refused. One that is not marked may have been under way for long, and
 * somebody may have logged in since it was sent.
 */
function changeBy(refusal: Refusal, { isMarked }: Presented, ask: Asking): Change {
  if (!hasEnded(refusal)) return "keep";
  return isMarked && ask.elapsedMs() <= LONGEST_WITHOUT_LOGIN_MS ? "clear" : "mark";
}

/**
 * What follows from a verdict. A browser cannot leave its cookies out: where nobody has to be known, one
 * whose session has ended is nobody.
 */
function judged({ isOptional }: Presented, denial: Denial | undefined, change: Change): Decision {
  if (denial === undefined) return { outcome: "session", change };
  if (isOptional && denial.nextAction === "REAUTHENTICATE") return { outcome: "nobody", change };
  return { outcome: "denied", change, denial };
}

const denied = (denial: Denial): Decision => ({ outcome: "denied", change: "keep", denial });

const refreshing = (denial: Denial): Denial => ({ ...denial, nextAction: "REFRESH" });
