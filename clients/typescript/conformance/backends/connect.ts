import { once } from "node:events";
import { createServer, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";

import { create } from "@bufbuild/protobuf";
import { type StringValue, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

import { optionalSessionOf, sessionInterceptor } from "../../src/connect.js";
import type { Validator } from "../../src/index.js";
import { callOptionsOf, methodsOf } from "./call-rules.js";
import { type Backend, Handled, type Serving } from "./rules.js";
import { BACKEND, HEALTH } from "./service.js";

/** Serves a backend of Connect, over gRPC. */
export async function serveConnect(validator: Validator, serving: Serving): Promise<Backend> {
  const interceptors = [sessionInterceptor(validator, methodsOf(serving), callOptionsOf(serving))];
  const server = createServer(connectNodeAdapter({ routes: routes(new Handled()), interceptors }));
  const sessions = new Set<Http2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    target: `127.0.0.1:${port}`,
    stop() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

const routes = (handled: Handled) => (router: ConnectRouter) => {
  const told = (context: HandlerContext, more: object = {}) =>
    create(StringValueSchema, {
      value: JSON.stringify({ ...handled.answer(optionalSessionOf(context)), ...more }),
    });
  const unary = (_: StringValue, context: HandlerContext) => told(context);
  router.service(BACKEND, {
    unary,
    async *serverStream(_: StringValue, context: HandlerContext) {
      const answer = told(context);
      yield answer;
      yield answer;
    },
    async clientStream(messages: AsyncIterable<StringValue>, context: HandlerContext) {
      let received = 0;
      for await (const _ of messages) received++;
      return told(context, { received });
    },
    async *bidi(messages: AsyncIterable<StringValue>, context: HandlerContext) {
      const answer = told(context);
      for await (const _ of messages) yield answer;
    },
  } as never);
  router.service(HEALTH, { check: unary } as never);
};
