import { parseArgs } from "node:util";

import type { SessiondClient } from "../../src/index.js";
import type { Backend, Serving } from "./rules.js";

/** Which middleware a backend is made with: the testee is run once with each. */
const { values } = parseArgs({
  options: { http: { type: "string", default: "express" }, grpc: { type: "string", default: "grpc-js" } },
});

export const kinds = [values.http, values.grpc] as const;

/** Serves a backend. A kind is loaded where it is wanted. */
export async function serve(how: string, client: SessiondClient, serving: Serving): Promise<Backend> {
  if (serving.browser !== undefined)
    return (await import("./site.js")).serveSite(values.http, client, serving);
  const kind = how === "serve_http" ? values.http : values.grpc;
  switch (kind) {
    case "express":
    case "express4":
      return (await import("./express.js")).serveExpress(kind, client, serving);
    case "fastify":
      return (await import("./fastify.js")).serveFastify(client, serving);
    case "nest":
      return (await import("./nest.js")).serveNest(client, serving);
    case "grpc-js":
      return (await import("./grpc-js.js")).serveGrpcJs(client, serving);
    case "connect":
      return (await import("./connect.js")).serveConnect(client, serving);
    default:
      throw new TypeError(`found ${kind}, allowed is express, express4, fastify, nest, grpc-js or connect`);
  }
}
