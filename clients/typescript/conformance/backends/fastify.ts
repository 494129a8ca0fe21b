import type { AddressInfo } from "node:net";

import { fastify, type FastifyInstance, type FastifyRequest } from "fastify";

import {
  type OnRequest,
  optionalSession,
  optionalSessionOf,
  protect,
  requireSession,
} from "../../src/fastify.js";
import type { Validator } from "../../src/index.js";
import {
  type Backend,
  Handled,
  httpOptions,
  type Rule,
  ruledConsistency,
  ruledPolicy,
  type Serving,
} from "./rules.js";

/** Serves a backend of Fastify. */
export async function serveFastify(validator: Validator, serving: Serving): Promise<Backend> {
  const app = fastify({ forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => {
    payload.resume().on("end", () => done(null));
  });
  const handled = new Handled();
  const answer = (request: FastifyRequest) => ({
    ...handled.answer(optionalSessionOf(request)),
    path: request.url.split("?", 1)[0],
  });
  route(app, answer, validator, serving);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { target: `127.0.0.1:${port}`, stop: () => void app.close() };
}

type Answer = (request: FastifyRequest) => unknown;

function route(app: FastifyInstance, answer: Answer, validator: Validator, serving: Serving): void {
  if (serving.protects !== undefined) {
    const paths = serving.routes.map(({ path }) => path);
    app.addHook("onRequest", protect(validator, ruledPolicy(serving.protects), paths, httpOptions(serving)));
    app.setNotFoundHandler(async (request, reply) => reply.code(200).send(answer(request)));
    return;
  }
  for (const rule of serving.routes)
    app.all(rule.path, { onRequest: hooks(validator, rule, serving) }, answer as never);
}

function hooks(validator: Validator, rule: Rule, serving: Serving): OnRequest[] {
  const options = { ...httpOptions(serving), ...ruledConsistency(rule) };
  if (rule.access === "public") return [];
  const hook = rule.access === "optional" ? optionalSession : requireSession;
  return [hook(validator, ruledPolicy(rule), options)];
}
