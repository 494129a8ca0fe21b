import { generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";

/** The id of the issuer's only key. */
export const KEY_ID = "sessiond-fake";

/** A part of a token: what is undefined or null is left out when it is signed. */
export type Part = Readonly<Record<string, unknown>>;

/** A token that nobody has verified. */
export interface Parsed {
  readonly header: Part;
  readonly claims: Part;
  readonly payload: string;
  readonly signed: string;
  readonly signature: Buffer;
}

/** The issuer's only key. */
export class Signer {
  readonly #private: KeyObject;
  readonly #public: KeyObject;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    this.#private = privateKey;
    this.#public = publicKey;
  }

  /** A JWT in compact form. */
  sign(header: Part, claims: Part): string {
    const signed = `${encoded(header)}.${encoded(claims)}`;
    return `${signed}.${sign(undefined, Buffer.from(signed), this.#private).toString("base64url")}`;
  }

  hasSigned({ signed, signature }: Parsed): boolean {
    return verify(undefined, Buffer.from(signed), this.#public, signature);
  }
}

const encoded = (part: Part): string =>
  Buffer.from(JSON.stringify(part, (_, value: unknown) => value ?? undefined)).toString("base64url");

/** Undefined for what is no signed JWT in compact form. */
export function parse(token: string): Parsed | undefined {
  const parts = token.split(".");
  const [header, claims, signature] = parts.map(decoded);
  if (parts.length !== 3 || !header || !claims || !signature) return undefined;
  const payload = claims.toString();
  const read = { header: parseObject(header.toString()), claims: parseObject(payload) };
  if (read.header === undefined || read.claims === undefined) return undefined;
  const signed = token.slice(0, token.lastIndexOf("."));
  return { header: read.header, claims: read.claims, payload, signed, signature };
}

/** Undefined for what is no base64url without padding. */
function decoded(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : undefined;
}

/** Undefined for what is no JSON object. */
export function parseObject(json: string): Part | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Part) : undefined;
  } catch {
    return undefined;
  }
}
