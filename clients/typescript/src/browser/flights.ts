import { createHash } from "node:crypto";

import { UnavailableError } from "../errors.js";
import type { Bearer } from "../login.js";
import type { Tokens } from "../tokens.js";

/** Bounds what strangers who leave at once can have under way: a refresh goes on without them. */
const MOST_FLIGHTS = 1_024;

/** Spends each refresh token once at a time, for all who bring it. */
export class RefreshFlights {
  readonly #flying = new Map<string, Promise<Tokens>>();

  /**
   * Joins the refresh of the same token by the same device, or makes it. Another device is another matter:
   * the server would not give it the same tokens, and nor must this.
   *
   * Whoever leaves does not end it: its answer would be lost, and the token is spent.
   */
  refresh(refreshToken: string, bearer: Bearer, refresh: () => Promise<Tokens>): Promise<Tokens> {
    const key = keyOf(refreshToken, bearer);
    const found = this.#flying.get(key);
    if (found !== undefined) return found;
    if (this.#flying.size >= MOST_FLIGHTS) return Promise.reject(tooMany());
    const flight = refresh().finally(() => this.#flying.delete(key));
    this.#flying.set(key, flight);
    return flight;
  }
}

/** What the server recognizes a repeated refresh by. No token is in it. */
function keyOf(refreshToken: string, { device = {}, certificateSha256 }: Bearer): string {
  const certificate = certificateSha256 && Buffer.from(certificateSha256).toString("hex");
  const parts = [refreshToken, device.userAgent ?? "", device.label ?? "", certificate ?? ""];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}

const tooMany = (): UnavailableError =>
  new UnavailableError(
    { code: "RESOURCE_EXHAUSTED", reason: "", metadata: {}, retryAfterMs: 1_000, saysWhen: false },
    "too many sessions are refreshed at once",
  );
