import type { IncomingMessage, ServerResponse } from "node:http";

import { SessiondError } from "../errors.js";
import { isCrossSite } from "../middleware/cross-site.js";
import type { HttpRequest } from "../middleware/http-request.js";
import type { RevokeTarget } from "../revoke.js";
import type { Tokens } from "../tokens.js";
import { setCookies } from "./answer.js";
import { type Cookies, hasRefreshForm, isSameSession, readCookies } from "./cookies.js";
import { AnswerBegunError, CookieTooLargeError, CrossSiteError, NoTokensError, wrongHost } from "./errors.js";
import type { Site } from "./site.js";
import { areTokens } from "./tokens.js";
import type { Visit } from "./visit.js";

/** A request that begins or ends a browser's session, and its answer. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly original: IncomingMessage;
  readonly response: ServerResponse;
  /** Of a request that the middleware has handed on. */
  readonly visit: Visit | undefined;
}

/** Gives a browser the tokens of a login, and ends the session that it had before. */
export async function start(site: Site, exchange: Exchange, tokens: Tokens): Promise<void> {
  checkHost(site, exchange);
  if (!areTokens(tokens)) throw new NoTokensError();
  const brought = readCookies(exchange.request.header("cookie"), site.style);
  const { lines, fits } = site.style.set(tokens, new Date(), brought);
  if (!fits) throw new CookieTooLargeError(tokens.accessToken.length);
  put(site, exchange, lines);
  if (!isSameSession(brought.refreshToken, tokens.refreshToken)) await endFormer(site, brought);
}

/** Ends the session that a browser brings, and takes its cookies away. */
export async function logout(site: Site, exchange: Exchange): Promise<void> {
  checkHost(site, exchange);
  // Whatever the middleware has said: it lets requests through that bring no cookies, and the answer to one
  // takes them away all the same.
  if (isCrossSite(exchange.request, site.options)) throw new CrossSiteError();
  const brought = readCookies(exchange.request.header("cookie"), site.style);
  const sessionId = exchange.visit?.session?.sessionId;
  const target = sessionId ? { sessionId } : targetOf(brought);
  if (target !== undefined) await site.client.revoke(target);
  put(site, exchange, site.style.clear(brought));
}

function checkHost(site: Site, { request }: Exchange): void {
  if (!site.style.allowsHost(request.header("host")[0] ?? "")) throw wrongHost();
}

/** The login is not undone where that fails. */
async function endFormer(site: Site, brought: Cookies): Promise<void> {
  const target = targetOf(brought);
  if (target === undefined) return;
  try {
    await site.client.revoke(target);
  } catch (error) {
    const message = "sessiond: the session of before a login is not ended";
    const told = error instanceof SessiondError ? error.message : undefined;
    site.log({ message, about: "a login", reason: "NOT_ENDED", error: told });
  }
}

function targetOf({ accessToken, refreshToken }: Cookies): RevokeTarget | undefined {
  if (hasRefreshForm(refreshToken)) return { refreshToken };
  return accessToken === "" ? undefined : { accessToken };
}

/** Replaces whatever cookies of a session an answer was to bring. */
function put(site: Site, { response, visit }: Exchange, lines: readonly string[]): void {
  if (response.headersSent || visit?.held?.isWritten === true) throw new AnswerBegunError();
  if (visit?.held === undefined) setCookies(response, site.style, lines);
  else visit.held.lines = lines;
}
