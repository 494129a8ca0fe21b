// A backend of one route, which needs a token that may read orders:
//
//   node build/examples/orders.js 127.0.0.1:50051 8000
import { policy, SessiondClient } from "@sessiond/client";
import { requireSession, sessionOf } from "@sessiond/client/express";
import express from "express";

const [, , target = "", port] = process.argv;
const client = new SessiondClient(target);
const orders = policy({ scopes: ["orders:read"] });

const app = express();
app.get("/orders", requireSession(client, orders), (request, response) => {
  response.send(`orders of ${sessionOf(request).subject}\n`);
});
app.listen(Number(port), "127.0.0.1");
