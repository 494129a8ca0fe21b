import type { IncomingMessage } from "node:http";

import type { HttpOptions } from "../middleware/http-guard.js";
import type { Device } from "../session.js";
import { Style } from "./style.js";

/** How browser sessions are kept. */
export interface BrowserOptions extends Omit<HttpOptions<IncomingMessage>, "cookie" | "consistency"> {
  /**
   * For http://localhost alone, where not every browser takes Secure cookies: they have neither that nor
   * the prefix __Host-, but dev- instead. Requests to another host are refused.
   */
  readonly development?: boolean;
  /**
   * Has an access token that is too large for one cookie in up to three: some providers issue tokens of more
   * than 4,096 bytes. What stands in front of the backend has to take headers of that size.
   */
  readonly split?: boolean;
  /**
   * Has browsers send the refresh token to this path alone, such as /session, and to what is below it. A page
   * refreshes there: the route needs `require` or `optional`, and a handler that does nothing. Elsewhere a
   * request without a good access token is answered 401 with the next action REFRESH.
   *
   * Let logins and logouts be below it too: elsewhere they do not know which session to end, once the access
   * token has expired. The cookie loses the prefix __Host-, which wants the path to be /, and with it the protection from a
   * subdomain that sets one.
   */
  readonly refreshPath?: string;
  /**
   * Says what is told of the device that a request comes from; that is its user agent unless this says
   * otherwise. A server takes a refresh with another user agent or label for another device's, which has to
   * be the same for all requests of a browser at a time.
   */
  readonly device?: (request: IncomingMessage) => Device;
}

/** A path in which nothing ends the attribute of a cookie, or is written in another way. */
const REFRESH_PATH = /^\/(?:[!$&'()*+\-./0-9:=@A-Z[\]^_`a-z{|}~<>]*[!$&'()*+\-.0-9:=@A-Z[\]^_`a-z{|}~<>])$/;

/** @throws TypeError for what has no meaning, as that is a mistake in the program. */
export function styleOf({ development = false, split = false, refreshPath = "" }: BrowserOptions): Style {
  if (refreshPath !== "" && !REFRESH_PATH.test(refreshPath)) {
    const found = JSON.stringify(refreshPath);
    throw new TypeError(`refreshPath: found ${found}, allowed is one such as /session`);
  }
  return new Style({ isDevelopment: development, splits: split, refreshPath });
}

/** What is told of a device: its user agent, which Node has read as Latin-1. */
export const userAgentOf = (request: IncomingMessage): Device => ({
  userAgent: Buffer.from(request.headers["user-agent"] ?? "", "latin1").toString(),
});
