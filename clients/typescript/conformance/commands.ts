import {
  type CallOptions,
  type ClientOptions,
  type Consistency,
  type Device,
  type Policy,
  policy,
  type Proofs,
  type RevokeTarget,
} from "../src/index.js";

/** A line of standard input; each has some of the members. */
export interface Command {
  readonly id: number;
  readonly do: string;
  readonly client: string;
  readonly target?: unknown;
  readonly key?: string;
  readonly key_file?: string;
  readonly tls?: { authorities?: string; certificate?: string; private_key?: string; server_name?: string };
  readonly insecure?: boolean;
  readonly timeout?: number;
  readonly provider_timeout?: number;
  readonly cache?: false | { max_entries?: number };
  readonly batching?: boolean;
  readonly token: string;
  readonly tokens: string[];
  readonly policy?: {
    issuers?: string[];
    audiences?: string[];
    scopes?: string[];
    permissions?: string[];
    claims?: Record<string, string[]>;
    max_auth_age?: number;
    acr_values?: string[];
  };
  readonly certificate_sha256?: string;
  readonly dpop?: { proof: string; method: string; url: string };
  readonly consistency?: "cached" | "server" | "strict" | { at_least: string };
  readonly claims?: unknown;
  readonly subject: string;
  readonly client_id?: string;
  readonly tenant_id?: string;
  readonly audiences?: string[];
  readonly scopes?: string[];
  readonly auth_time?: number;
  readonly acr?: string;
  readonly amr?: string[];
  readonly issuer: string;
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token?: string;
  readonly code: string;
  readonly redirect_uri: string;
  readonly code_verifier: string;
  readonly nonce?: string;
  readonly device?: { ip_address?: string; user_agent?: string; label?: string };
  readonly attributes?: Record<string, string>;
  readonly cause?: "LOGOUT";
  readonly note?: string;
  readonly session_id: string;
  readonly page_size?: number;
  readonly of: number;
  readonly seconds: number;
  readonly clock: string;
}

/** Leaves out what is not given. */
function given<Values extends object>(
  values: Values,
): { [Name in keyof Values]: Exclude<Values[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

const milliseconds = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1_000;

export const clientOptions = (command: Command): ClientOptions => {
  const { tls, cache } = command;
  return given({
    key: command.key_file === undefined ? command.key : { file: command.key_file },
    tls:
      tls &&
      given({
        authorities: tls.authorities,
        certificate: tls.certificate,
        privateKey: tls.private_key,
        serverName: tls.server_name,
      }),
    insecure: command.insecure,
    timeoutMs: milliseconds(command.timeout),
    providerTimeoutMs: milliseconds(command.provider_timeout),
    cache: cache && given({ maxEntries: cache.max_entries }),
    ...(cache === false && { cache: false as const }),
    batching: command.batching,
  });
};

export function policyOf({ policy: wanted }: Command): Policy {
  if (wanted === undefined) return policy({});
  const { max_auth_age: maxAuthAge, acr_values: acrValues, ...lists } = wanted;
  return policy(given({ ...lists, maxAuthAge, acrValues }));
}

export const callOptions = (command: Command, signal: AbortSignal): CallOptions =>
  given({ timeoutMs: milliseconds(command.timeout), signal });

export function consistencyOf({ consistency = "cached" }: Command): Consistency {
  return typeof consistency === "object" ? { atLeast: consistency.at_least } : consistency;
}

export const proofsOf = (command: Command): Proofs =>
  given({
    certificateSha256:
      command.certificate_sha256 === undefined ? undefined : Buffer.from(command.certificate_sha256, "hex"),
    dpop: command.dpop,
  });

export const deviceOf = ({ device = {} }: Command): Device =>
  given({ ipAddress: device.ip_address, userAgent: device.user_agent, label: device.label });

export const loginOf = (command: Command) => ({
  ...proofsOf(command),
  ...given({ device: deviceOf(command), attributes: command.attributes }),
});

export const localLoginOf = (command: Command) => ({
  ...loginOf(command),
  ...given({
    clientId: command.client_id,
    tenantId: command.tenant_id,
    audiences: command.audiences,
    scopes: command.scopes,
    claims: command.claims as Record<string, unknown> | undefined,
    authTime: command.auth_time === undefined ? undefined : new Date(command.auth_time * 1_000),
    acr: command.acr,
    amr: command.amr,
  }),
});

export function revokeTarget({ target }: Command): RevokeTarget {
  const named = target as Record<string, string> & {
    subject?: { issuer: string; subject: string; except_session_id?: string };
  };
  if (named.subject !== undefined) {
    const { issuer, subject, except_session_id: exceptSessionId } = named.subject;
    return { subject: given({ issuer, subject, exceptSessionId }) };
  }
  if (named["refresh_token"] !== undefined) return { refreshToken: named["refresh_token"] };
  if (named["access_token"] !== undefined) return { accessToken: named["access_token"] };
  return { sessionId: named["session_id"] ?? "" };
}
