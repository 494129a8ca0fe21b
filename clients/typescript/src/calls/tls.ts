import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";

import { ChannelCredentials } from "@grpc/grpc-js";

/**
 * PEM files for TLS to the server, which are read anew for each connection. All are optional: the authorities
 * that may have issued the server's certificate (Node's), the caller's own certificate and private key, and
 * the name to expect where it is not that of the address.
 */
export interface TlsOptions {
  readonly authorities?: string;
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly serverName?: string;
}

/**
 * Encrypts connections by files that may be replaced while a client lives.
 *
 * @throws Error where they cannot be read now, or are none.
 */
export function encrypted(files: TlsOptions): ChannelCredentials {
  readContext(files);
  // gRPC takes one context for all its connections; Node reads what is in it at each handshake.
  return ChannelCredentials.createFromSecureContext({
    get context(): unknown {
      return readContext(files).context as unknown;
    },
  });
}

function readContext({ authorities, certificate, privateKey }: TlsOptions): SecureContext {
  if ((certificate === undefined) !== (privateKey === undefined)) {
    throw new TypeError("tls: found one of certificate and privateKey, allowed is both or neither");
  }
  return createSecureContext({
    ...(authorities !== undefined && { ca: readAuthorities(authorities) }),
    ...(certificate !== undefined && { cert: readFileSync(certificate) }),
    ...(privateKey !== undefined && { key: readFileSync(privateKey) }),
  });
}

/** Node takes a file without a certificate for one that trusts nobody. */
function readAuthorities(path: string): Buffer {
  const text = readFileSync(path);
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new TypeError(`${path}: found no certificate in PEM`);
  return text;
}
