import type { SessiondClient, SessionRecord, Tokens } from "../src/index.js";
import {
  callOptions,
  type Command,
  consistencyOf,
  deviceOf,
  localLoginOf,
  loginOf,
  policyOf,
  proofsOf,
  revokeTarget,
} from "./commands.js";
import { failure } from "./failures.js";
import { type Plain, plainRecord, plainTokens, plainVerdict, shown } from "./plain.js";

/** Carries out a command of a client; it does not reject. */
export async function carryOut(
  client: SessiondClient,
  command: Command,
  signal: AbortSignal,
): Promise<Plain> {
  try {
    return await result(client, command, signal);
  } catch (error) {
    return failure(error, false);
  }
}

async function result(client: SessiondClient, command: Command, signal: AbortSignal): Promise<Plain> {
  const options = callOptions(command, signal);
  switch (command.do) {
    case "close":
      client.close();
      return { done: true };
    case "ready":
      await client.ready((command.timeout ?? 0) * 1_000);
      return { done: true };
    case "validate": {
      const asked = { ...options, ...proofsOf(command), consistency: consistencyOf(command) };
      const verdict = await client.validate(command.token, policyOf(command), asked);
      return { ...plainVerdict(verdict, command.claims === true), shown: shown(verdict) };
    }
    case "validate_all": {
      const asked = { ...options, consistency: consistencyOf(command) };
      const verdicts = await client.validateAll(command.tokens, policyOf(command), asked);
      return { verdicts: verdicts.map((verdict) => plainVerdict(verdict)), shown: shown(verdicts) };
    }
    case "revoke": {
      const { cause, note } = command;
      const how = { ...options, ...(cause && { cause }), ...(note !== undefined && { note }) };
      const ended = await client.revoke(revokeTarget(command), how);
      const revocation = { revision: ended.revision, sessions_ended: ended.sessionsEnded ?? null };
      return { revocation, shown: shown(ended) };
    }
    case "get_session": {
      const record = await client.getSession(command.session_id, options);
      return { record: plainRecord(record), shown: shown(record) };
    }
    case "list_sessions": {
      const records = await list(client, command, options);
      return { records: records.map(plainRecord), shown: shown(records) };
    }
    default: {
      const tokens = await opened(client, command, options);
      return { tokens: plainTokens(tokens), shown: shown(tokens) };
    }
  }
}

async function list(client: SessiondClient, command: Command, options: object): Promise<SessionRecord[]> {
  const pageSize = command.page_size;
  const asked = { ...options, ...(pageSize !== undefined && { pageSize }) };
  const records: SessionRecord[] = [];
  for await (const record of client.listSessions(command.issuer, command.subject, asked))
    records.push(record);
  return records;
}

function opened(client: SessiondClient, command: Command, options: object): Promise<Tokens> {
  const { issuer, refresh_token: refreshToken } = command;
  const bearer = { ...proofsOf(command), device: deviceOf(command) };
  switch (command.do) {
    case "refresh":
      return client.refresh(refreshToken, bearer, options);
    case "adopt":
      return client.adopt(issuer, refreshToken, bearer, options);
    case "create_local":
      return client.createLocalSession(command.subject, localLoginOf(command), options);
    case "create_from_tokens": {
      const { access_token: accessToken, id_token: idToken } = command;
      const given = { accessToken, refreshToken, ...(idToken !== undefined && { idToken }) };
      return client.createSession(issuer, given, loginOf(command), options);
    }
    case "create_from_code": {
      const { code, redirect_uri: redirectUri, code_verifier: codeVerifier, nonce } = command;
      const given = { code, redirectUri, codeVerifier, ...(nonce !== undefined && { nonce }) };
      return client.createSessionFromCode(issuer, given, loginOf(command), options);
    }
    default:
      throw new TypeError(`do: found ${JSON.stringify(command.do)}, which this testee does not carry out`);
  }
}
