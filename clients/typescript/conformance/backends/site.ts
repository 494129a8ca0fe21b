import type { Express, Request, Response } from "express";

import { BrowserSessions, CrossSiteError, optionalSessionOf } from "../../src/browser.js";
import { type SessiondClient, UnavailableError } from "../../src/index.js";
import { listening } from "./express.js";
import {
  type Backend,
  Handled,
  httpOptions,
  type Rule,
  ruledConsistency,
  ruledPolicy,
  type Serving,
} from "./rules.js";

/** Serves a site whose sessions browsers keep in cookies. */
export async function serveSite(version: string, client: SessiondClient, serving: Serving): Promise<Backend> {
  const { default: express } = (await import(version)) as { default: () => Express };
  const app = express();
  const handled = new Handled();
  const site = new BrowserSessions(client, { ...httpOptions(serving), ...cookieOptions(serving) });
  const answer = (request: Request, response: Response) => {
    response.json({ ...handled.answer(optionalSessionOf(request)), path: request.path });
  };
  for (const rule of serving.routes) route(app, site, rule, answer);
  app.all("/login", async (request, response) => {
    const begun = client
      .createLocalSession("alice", { device: site.device(request) })
      .then((tokens) => site.start(request, response, tokens));
    response.status(await statusOf(begun)).end();
  });
  app.all("/logout", async (request, response) => {
    response.status(await statusOf(site.logout(request, response))).end();
  });
  return listening(app);
}

function cookieOptions({ browser = {} }: Serving) {
  const { development, split, refresh_path: refreshPath } = browser;
  return {
    ...(development !== undefined && { development }),
    ...(split !== undefined && { split }),
    ...(refreshPath !== undefined && { refreshPath }),
  };
}

function route(
  app: Express,
  site: BrowserSessions,
  rule: Rule,
  answer: (request: Request, response: Response) => void,
): void {
  if (rule.access === "public") app.all(rule.path, answer);
  else if (rule.access === "optional") {
    app.all(rule.path, site.optional(ruledPolicy(rule), ruledConsistency(rule)), answer);
  } else app.all(rule.path, site.require(ruledPolicy(rule), ruledConsistency(rule)), answer);
}

async function statusOf(doing: Promise<void>): Promise<number> {
  try {
    await doing;
    return 200;
  } catch (error) {
    if (error instanceof CrossSiteError) return 403;
    return error instanceof UnavailableError ? 503 : 500;
  }
}
