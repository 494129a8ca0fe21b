// Asks a sessiond about the access token in the environment variable ACCESS_TOKEN:
//
//   ACCESS_TOKEN=eyJ... npm run validate -- http://127.0.0.1:50051
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Rejection_Reason } from "../src/sessiond/v1/session_pb.js";
import { SessionService } from "../src/sessiond/v1/session_service_pb.js";

const baseUrl = process.argv[2] ?? "http://127.0.0.1:50051";
const client = createClient(SessionService, createGrpcTransport({ baseUrl }));
const token = process.env.ACCESS_TOKEN ?? "";
const { verdict } = await client.validateToken({ token }, { timeoutMs: 5000 });

// Anything but a session, an unset verdict included, means that the token is not accepted.
if (verdict.case === "session") {
  console.log("accepted:", verdict.value.subject);
} else {
  console.log("rejected:", Rejection_Reason[verdict.value?.reason ?? Rejection_Reason.UNSPECIFIED]);
  process.exitCode = 1;
}
