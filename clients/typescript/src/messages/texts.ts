/** What can be sent: a half of a character cannot, and in its place stands a letter that no token has. */
export const readable = (text: string): string => text.replace(/\p{Cs}/gu, "\uFFFD");

/** Bytes of a user agent that a server takes; browsers within apps send more. */
const LONGEST_USER_AGENT = 256;

/**
 * A user agent as a server takes it: a control character becomes a blank, as a server refuses it, and whoever
 * visits can send one; what is too long is cut off, on a character.
 */
export function userAgentText(text: string): string {
  const bytes = Buffer.from(readable(text).replace(/\p{Cc}/gu, " "));
  let end = Math.min(bytes.length, LONGEST_USER_AGENT);
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** The most of a token that any server reads, in bytes: of a longer one it gets as much as shows that. */
const LONGEST_TOKEN = 64 * 1024;

/** What is sent of an access token: a server says of it what it would have said of all of it. */
export const tokenText = (token: string): string =>
  token.length > LONGEST_TOKEN ? token.slice(0, LONGEST_TOKEN + 1) : token;
