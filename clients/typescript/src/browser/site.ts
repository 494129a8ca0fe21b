import type { IncomingMessage } from "node:http";

import type { SessiondClient } from "../client.js";
import type { Bearer } from "../login.js";
import { type Log, logToConsole } from "../middleware/denial.js";
import type { Device } from "../session.js";
import type { Tokens } from "../tokens.js";
import type { Validator } from "../validator.js";
import { RefreshFlights } from "./flights.js";
import { type BrowserOptions, styleOf, userAgentOf } from "./options.js";
import type { Style } from "./style.js";

/** What browser sessions need of a client. A SessiondClient is one. */
export type BrowserClient = Validator & Pick<SessiondClient, "refresh" | "revoke">;

/** What all routes of a site have in common. */
export class Site {
  readonly style: Style;
  readonly #flights = new RefreshFlights();

  constructor(
    readonly client: BrowserClient,
    readonly options: BrowserOptions,
  ) {
    this.style = styleOf(options);
  }

  /** What is told of the device that a request comes from. */
  device(request: IncomingMessage): Device {
    return (this.options.device ?? userAgentOf)(request);
  }

  /** Spends a refresh token, once for all who bring it at the same time. */
  spend(refreshToken: string, bearer: Bearer): Promise<Tokens> {
    return this.#flights.refresh(refreshToken, bearer, () => this.client.refresh(refreshToken, bearer));
  }

  tellTooLarge(bytes: number): void {
    const message =
      "sessiond: a refreshed access token is too large for its cookie: each request refreshes anew";
    this.log({ message, about: `${bytes} bytes`, reason: "COOKIE_TOO_LARGE", error: undefined });
  }

  get log(): Log {
    return this.options.log ?? logToConsole;
  }
}
