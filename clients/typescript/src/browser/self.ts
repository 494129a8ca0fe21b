/**
 * Where a browser is sent that is to make the same request again: a reference relative to its own address
 * (RFC 3986 section 5.2), which leads to no other host whatever the target is. It holds behind a proxy too
 * that puts something in front of the path.
 */
export function self(target: string): string {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  return `./${path.slice(path.lastIndexOf("/") + 1)}${question < 0 ? "" : target.slice(question)}`;
}
