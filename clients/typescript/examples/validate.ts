// Asks a sessiond about the access token in the environment variable ACCESS_TOKEN:
//
//   ACCESS_TOKEN=eyJ... npm run validate -- 127.0.0.1:50051
import { SessiondClient } from "@sessiond/client";

await using client = new SessiondClient(process.argv[2] ?? "127.0.0.1:50051");
const verdict = await client.validate(process.env["ACCESS_TOKEN"] ?? "");

if (verdict.ok) {
  console.log("accepted:", verdict.session.subject);
} else {
  console.log("rejected:", verdict.rejection.reason);
  process.exitCode = 1;
}
