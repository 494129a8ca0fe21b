// The backend of orders.ts without the client: what a service has to do by itself that has nothing but
// generated stubs, to answer alike. It keeps nothing, and asks about every request.
//
//   node build/examples/orders-by-stubs.js 127.0.0.1:50051 8000
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import express, { type NextFunction, type Request, type Response } from "express";

import { Rejection_Reason, type Session } from "../src/sessiond/v1/session_pb.js";
import { SessionService } from "../src/sessiond/v1/session_service_pb.js";

const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
const NO_VERDICT = [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Canceled];

const [, , target = "", port] = process.argv;
const transport = createGrpcTransport({ baseUrl: `http://${target}` });
const stub = createClient(SessionService, transport);
const app = express();

function deny(response: Response, status: number, challenge?: string): void {
  response.set("Cache-Control", "no-store");
  if (challenge) response.set("WWW-Authenticate", challenge);
  response.status(status).end();
}

/** Lets a request through whose token has a scope; any other is answered. */
function requireScope(scope: string) {
  return async (request: Request, response: Response, next: NextFunction) => {
    const { authorization } = request.headersDistinct;
    if (authorization === undefined) return deny(response, 401, `Bearer scope="${scope}"`);
    const [, token] = BEARER.exec(authorization[0] ?? "") ?? [];
    if (authorization.length > 1 || token === undefined) {
      return deny(response, 400, `Bearer error="invalid_request"`);
    }
    try {
      const question = { token, requirements: { scopes: [scope] } };
      const { verdict } = await stub.validateToken(question, { timeoutMs: 1_000 });
      if (verdict.case === "session") {
        response.locals["session"] = verdict.value;
        return next();
      }
      if (verdict.case !== "rejection") return deny(response, 401); // no verdict is none either
      const isInsufficient = verdict.value.reason === Rejection_Reason.SCOPE_INSUFFICIENT;
      deny(response, isInsufficient ? 403 : 401, verdict.value.wwwAuthenticate);
    } catch (error) {
      // Nobody has to log in again because there is no verdict.
      const { code } = ConnectError.from(error);
      if (NO_VERDICT.includes(code)) {
        response.set("Retry-After", "1");
        return deny(response, 503);
      }
      console.error("sessiond:", Code[code]);
      deny(response, 500);
    }
  };
}

app.get("/orders", requireScope("orders:read"), (_, response) => {
  response.send(`orders of ${(response.locals["session"] as Session).subject}\n`);
});
app.listen(Number(port), "127.0.0.1");
