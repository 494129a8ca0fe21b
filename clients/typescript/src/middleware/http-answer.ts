import { complain, type Denial, type Kind } from "./denial.js";
import type { HttpGuard } from "./http-guard.js";

/** How a denial is told over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: unknown;
}

const STATUSES: Record<Kind, number> = {
  noCredentials: 401,
  invalidRequest: 400,
  crossSite: 403,
  noPolicy: 403,
  insufficient: 403,
  rejected: 401,
  unavailable: 503,
  misconfigured: 500,
};

/** What a request is answered that does not get through; what the operator has to mend is logged. */
export function answerTo<Request>(guard: HttpGuard<Request>, denial: Denial, route: string): HttpAnswer {
  complain(guard.log, denial, route);
  const { reason, nextAction, challenges, retryAfterMs, retry = false, error } = denial;
  const status = STATUSES[denial.kind];
  const { render } = guard.options;
  return {
    status,
    headers: {
      "Cache-Control": "no-store",
      ...challenged(challenges),
      // Never too early (RFC 9110 section 10.2.3).
      ...(retryAfterMs !== undefined && { "Retry-After": String(Math.ceil(retryAfterMs / 1_000)) }),
    },
    body: render?.({ status, reason, nextAction, retry, error }) ?? {
      error: reason,
      ...(nextAction !== undefined && { next_action: nextAction }),
      ...(retry && { retry }),
    },
  };
}

function challenged([first, ...others]: readonly string[]): HttpAnswer["headers"] {
  if (first === undefined) return {};
  return { "WWW-Authenticate": others.length === 0 ? first : [first, ...others] };
}
