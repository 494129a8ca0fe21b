// A site whose visitors log in, with sessions in cookies:
//
//   npm run site -- --sessiond 127.0.0.1:50051 --development
//   open http://localhost:8000/
//
// Without --development its cookies need https in front of it.
import { parseArgs } from "node:util";

import { SessiondClient } from "@sessiond/client";
import { BrowserSessions, CrossSiteError, optionalSessionOf, sessionOf } from "@sessiond/client/browser";
import express, { type Express } from "express";

function routes(client: SessiondClient, development: boolean): Express {
  const site = new BrowserSessions(client, { split: true, development });
  const app = express();
  app.get("/", site.optional(), (request, response) => {
    response.send(page(optionalSessionOf(request)?.subject));
  });
  app.all("/orders", site.require(), (request, response) => {
    response.send(`orders of ${sessionOf(request).subject}\n`);
  });
  // It believes everybody. Where a provider knows who it is, its callback calls createSessionFromCode.
  app.post("/login", site.sameSite(), express.urlencoded(), async (request, response) => {
    try {
      const { name } = request.body as { name: string };
      const tokens = await client.createLocalSession(name, { device: site.device(request) });
      await site.start(request, response, tokens);
    } catch (error) {
      console.error(error);
      return void response.status(503).send("nobody can log in now");
    }
    response.redirect(303, "/");
  });
  app.post("/logout", async (request, response) => {
    try {
      await site.logout(request, response);
    } catch (error) {
      if (error instanceof CrossSiteError)
        return void response.status(403).send("another site wants you out");
      console.error(error);
      return void response.status(503).send("you are still logged in: try again");
    }
    response.redirect(303, "/");
  });
  return app;
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);

const page = (subject: string | undefined): string => `<!doctype html>
<title>Shop</title>
${
  subject === undefined
    ? `<h1>Welcome</h1>
<form method="post" action="/login"><input name="name" required> <button>Log in</button></form>`
    : `<h1>Hello, ${escaped(subject)}</h1>
<form method="post" action="/logout"><button>Log out</button></form>`
}`;

const { values } = parseArgs({
  options: {
    sessiond: { type: "string", default: "127.0.0.1:50051" },
    http: { type: "string", default: "127.0.0.1:8000" },
    development: { type: "boolean", default: false },
  },
});
const [host = "", port] = values.http.split(":");
const client = new SessiondClient(values.sessiond);
const server = routes(client, values.development).listen(Number(port), host);
process.once("SIGTERM", () => {
  server.close(() => client.close());
  server.closeAllConnections();
});
