import { createHash } from "node:crypto";

import type { Proofs } from "../login.js";
import { type Credential, InvalidRequestError, isToken68 } from "./credentials.js";

/** What a request shows for the key of its token. */
export interface Shown {
  readonly dpop: readonly string[];
  readonly method: string;
  readonly path: string;
  /** The client certificate in DER. */
  readonly certificate: Uint8Array | undefined;
}

/**
 * What shows that the bearer has the key of a bound token: the one DPoP header of a request (RFC 9449 section
 * 4.3), for a path at the origin that clients know, or its certificate. Which proof a token needs is for the
 * server to say.
 *
 * @throws InvalidRequestError
 */
export function proofsOf({ scheme }: Credential, shown: Shown, dpopOrigin: string | undefined): Proofs {
  if (scheme !== "DPoP") return certificateProof(shown.certificate);
  const [proof] = shown.dpop;
  if (dpopOrigin === undefined || proof === undefined) return {};
  if (shown.dpop.length > 1 || !isToken68(proof)) throw new InvalidRequestError();
  return { dpop: { proof, method: shown.method, url: dpopOrigin + shown.path } };
}

/** What a client certificate in DER shows. */
export const certificateProof = (certificate: Uint8Array | undefined): Proofs =>
  certificate === undefined ? {} : { certificateSha256: createHash("sha256").update(certificate).digest() };

/** @throws TypeError for what is no origin (RFC 6454 section 6.2), as that is a mistake in the program. */
export function checkOrigin(name: string, origin: string): void {
  let isOrigin: boolean;
  try {
    const { protocol, host } = new URL(origin);
    isOrigin = host !== "" && `${protocol}//${host}` === origin;
  } catch {
    isOrigin = false;
  }
  if (!isOrigin) throw new TypeError(`${name}: found no origin, allowed is one such as https://app.example`);
}
