import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

import type { Express, Request, Response } from "express";

import { optionalSession, optionalSessionOf, protect, requireSession } from "../../src/express.js";
import type { Validator } from "../../src/index.js";
import { type Backend, Handled, httpOptions, ruledConsistency, ruledPolicy, type Serving } from "./rules.js";

/** Serves a backend of Express 4 or 5. */
export async function serveExpress(
  version: string,
  validator: Validator,
  serving: Serving,
): Promise<Backend> {
  const { default: express } = (await import(version)) as { default: () => Express };
  const app = express();
  app.set("strict routing", true);
  const handled = new Handled();
  const answer = (request: Request, response: Response) => {
    response.json({ ...handled.answer(optionalSessionOf(request)), path: request.path });
  };
  route(app, answer, validator, serving);
  return listening(app);
}

/** Listens until it is stopped. */
export async function listening(app: RequestListener): Promise<Backend> {
  const server = createServer(app);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    target: `127.0.0.1:${port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

type Answer = (request: Request, response: Response) => void;

function route(app: Express, answer: Answer, validator: Validator, serving: Serving): void {
  const options = httpOptions(serving);
  if (serving.protects !== undefined) {
    const paths = serving.routes.map(({ path }) => path);
    app.use(protect(validator, ruledPolicy(serving.protects), paths, options), answer);
    return;
  }
  for (const rule of serving.routes) {
    const own = { ...options, ...ruledConsistency(rule) };
    if (rule.access === "public") app.all(rule.path, answer);
    else if (rule.access === "optional") {
      app.all(rule.path, optionalSession(validator, ruledPolicy(rule), own), answer);
    } else app.all(rule.path, requireSession(validator, ruledPolicy(rule), own), answer);
  }
}
