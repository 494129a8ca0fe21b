import type { ChannelOptions } from "@grpc/grpc-js";

import { checkTimeout } from "./calls/caller.js";
import type { Security } from "./calls/channel.js";
import type { Key } from "./calls/key.js";
import { invalid } from "./errors.js";
import type { Bounds } from "./memory/verdict-cache.js";
import type { Observer } from "./observer.js";

/** How much a client may keep: acceptances alone, and no token among them. */
export interface CacheOptions {
  /** 10,000 by default. */
  readonly maxEntries?: number;
  /** 64 MiB by default. */
  readonly maxBytes?: number;
}

/** How a client is made. */
export interface ClientOptions extends Security {
  /**
   * Shows who calls: the text of a key; a file that is read anew when it changes; or a function, which is
   * asked for every call, answers from memory included, and has to be quick. What it throws ends the call.
   */
  readonly key?: Key;
  /** The time that a call has with all its attempts: 1,000 by default. */
  readonly timeoutMs?: number;
  /** That of calls for which a provider may have to be asked, as they open or refresh a session: 12,000. */
  readonly providerTimeoutMs?: number;
  /** How much is kept; false keeps nothing, follows nothing, and asks a server every time. */
  readonly cache?: CacheOptions | false;
  /** Whether what comes while two calls are under way goes together in the next one: true by default. */
  readonly batching?: boolean;
  /** Is told what is done. */
  readonly observer?: Observer;
  /** Options of gRPC. They come last, and can undo what this client relies on. */
  readonly channelOptions?: ChannelOptions;
}

/** The options that were given, and the defaults of the others. */
export interface Settings {
  readonly timeoutMs: number;
  readonly providerTimeoutMs: number;
  readonly cache: Bounds | undefined;
  readonly isBatching: boolean;
  readonly observer: Observer;
}

const DEFAULT_TIMEOUT_MS = 1_000;
/** Longer than a server's own time for an exchange at a provider, 10 s. */
const DEFAULT_PROVIDER_TIMEOUT_MS = 12_000;
const DEFAULT_MAX_ENTRIES = 10_000;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** @throws InvalidArgumentError */
export function toSettings(options: ClientOptions): Settings {
  const settings = {
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    providerTimeoutMs: options.providerTimeoutMs ?? DEFAULT_PROVIDER_TIMEOUT_MS,
    cache: options.cache === false ? undefined : toBounds(options.cache ?? {}),
    isBatching: options.batching ?? true,
    observer: options.observer ?? {},
  };
  checkTimeout("timeoutMs", settings.timeoutMs);
  checkTimeout("providerTimeoutMs", settings.providerTimeoutMs);
  return settings;
}

function toBounds(cache: CacheOptions): Bounds {
  const { maxEntries = DEFAULT_MAX_ENTRIES, maxBytes = DEFAULT_MAX_BYTES } = cache;
  for (const [name, bound] of Object.entries({ maxEntries, maxBytes })) {
    if (!Number.isInteger(bound) || bound < 1) {
      throw invalid(`cache.${name}`, String(bound), "a whole number from 1 on");
    }
  }
  return { maxEntries, maxBytes };
}
