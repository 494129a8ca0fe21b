/** What can be sent: a half of a character cannot, and in its place stands a letter that no token has. */
export const readable = (text: string): string => text.replace(/\p{Cs}/gu, "\uFFFD");

/** Shortens a text to so many bytes, on a character. */
export function cut(text: string, longest: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longest) return readable(text);
  let end = longest;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** The most of a token that any server reads, in bytes: of a longer one it gets as much as shows that. */
const LONGEST_TOKEN = 64 * 1024;

/** What is sent of an access token: a server says of it what it would have said of all of it. */
export const tokenText = (token: string): string =>
  token.length > LONGEST_TOKEN ? token.slice(0, LONGEST_TOKEN + 1) : token;
