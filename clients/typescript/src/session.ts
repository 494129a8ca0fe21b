/** Who acts for a subject (RFC 8693 section 4.1). */
export interface Actor {
  readonly issuer: string;
  readonly subject: string;
  /** For whom this one acts in turn; undefined at the end of the chain. */
  readonly actor?: Actor;
}

/** What a session says. What is not known is empty or undefined. */
export interface SessionFields {
  /** The subject at its issuer as one stable word: the key for what belongs to a user. */
  readonly principal: string;
  readonly issuer: string;
  readonly subject: string;
  /** sessiond's own, sds_... */
  readonly sessionId: string;
  readonly providerSessionId: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly tokenId: string;
  readonly keyId: string;
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly issueTime: Date | undefined;
  readonly expireTime: Date | undefined;
  /** When the user last proved who they are. */
  readonly authTime: Date | undefined;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Who acts for the subject; undefined if nobody does. */
  readonly actor: Actor | undefined;
  /** The verified payload as received; empty for a stored session. */
  readonly claimsJson: string;
}

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

const NOBODY: SessionFields = {
  principal: "",
  issuer: "",
  subject: "",
  sessionId: "",
  providerSessionId: "",
  tenantId: "",
  clientId: "",
  tokenId: "",
  keyId: "",
  audiences: [],
  scopes: [],
  roles: [],
  permissions: [],
  issueTime: undefined,
  expireTime: undefined,
  authTime: undefined,
  acr: "",
  amr: [],
  actor: undefined,
  claimsJson: "",
};

/** An accepted token, or a stored session. It is frozen: whoever asked about the same token shares it. */
export interface Session extends SessionFields {}

// Interface and class have one name: the fields are declared once.
export class Session {
  #claims: Claims | undefined;

  /** @internal What the service answered. */
  constructor(fields: SessionFields) {
    Object.assign(this, fields);
    for (const list of [this.audiences, this.scopes, this.roles, this.permissions, this.amr]) {
      Object.freeze(list);
    }
    Object.freeze(this);
  }

  /** A session for tests, of alice unless the fields say otherwise. */
  static example(fields: Partial<SessionFields> = {}): Session {
    const { issuer = "https://id.example", subject = "alice" } = fields;
    return new Session({ ...NOBODY, principal: `${subject}@${issuer}`, issuer, subject, ...fields });
  }

  /**
   * All claims of the token, parsed when they are first asked for, and frozen; there are none in a stored
   * session. A number that has more digits than JavaScript keeps has lost them: `claimsJson` has them.
   *
   * @throws TypeError where the payload is no JSON object.
   */
  get claims(): Claims {
    this.#claims ??= parseClaims(this.claimsJson);
    return this.#claims;
  }
}

function parseClaims(json: string): Claims {
  if (json === "") return Object.freeze({});
  let parsed: unknown;
  try {
    parsed = JSON.parse(json, (_, value: unknown) => Object.freeze(value));
  } catch {
    parsed = undefined; // what JSON.parse says shows a part of the payload
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new TypeError("the claims of the token cannot be read: they are no JSON object");
  }
  return parsed as Claims;
}

/** What a backend says of the end user's device; of the user agent a server takes 256 bytes. */
export interface Device {
  readonly ipAddress?: string;
  readonly userAgent?: string;
  readonly label?: string;
}

/** A live session as the store has it. */
export interface SessionRecord {
  readonly session: Session;
  readonly createTime: Date | undefined;
  readonly lastRefreshTime: Date | undefined;
  /** When it ends if it is not refreshed before. */
  readonly idleExpireTime: Date | undefined;
  /** When it ends in any case. */
  readonly absoluteExpireTime: Date | undefined;
  readonly device: Required<Device>;
  readonly attributes: Readonly<Record<string, string>>;
}
