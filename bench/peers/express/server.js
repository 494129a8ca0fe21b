// What a Node team would pick: sessions in Redis, one look-up a request, by express-session and connect-redis.
// Its arguments are where Redis is, and the secret that cookies are signed with; its first line of output is its
// address. POST /login opens a session and sets its cookie; GET / answers with the session, or 401.
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const [url, secret] = process.argv.slice(2);
const client = createClient({ url });
await client.connect();

const app = express();
app.use(
  session({
    store: new RedisStore({ client }),
    resave: false,
    saveUninitialized: false,
    secret,
  }),
);
app.post("/login", (request, response) => {
  request.session.user = { subject: "alice", scopes: ["orders:read", "orders:write"] };
  response.sendStatus(204);
});
app.get("/", (request, response) => {
  if (request.session.user) response.json(request.session.user);
  else response.sendStatus(401);
});

const listener = app.listen(0, "127.0.0.1", () => {
  console.log(`127.0.0.1:${listener.address().port}`);
});
