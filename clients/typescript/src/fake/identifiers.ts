import { createHash, randomBytes } from "node:crypto";

/** Who issues the fake's tokens. */
export const ISSUER = "http://sessiond.localhost";
/** For whom they are unless a login says otherwise, and the application that they are issued to. */
export const AUDIENCE = "sessiond-dev";

/** So many random bytes in base64url. */
export const random = (bytes: number): string => randomBytes(bytes).toString("base64url");

export function principalOf(issuer: string, subject: string): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([issuer, subject]))
    .digest();
  return `sdp_${digest.subarray(0, 16).toString("base64url")}`;
}
