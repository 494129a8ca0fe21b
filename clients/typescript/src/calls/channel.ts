import { type ChannelOptions, Client, connectivityState, credentials } from "@grpc/grpc-js";

import { isLocal } from "./local-target.js";
import { encrypted, type TlsOptions } from "./tls.js";

const ROUND_ROBIN = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });
/** The longest time of a timer: whoever calls after a pause does not wait for a handshake. */
const NEVER_IDLE_MS = 2 ** 31 - 1;

const OPTIONS: ChannelOptions = {
  "grpc.initial_reconnect_backoff_ms": 100,
  // By default two minutes: as long as an outage, once more.
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.dns_min_time_between_resolutions_ms": 1_000,
  // A server throws out who pings more often than every ten seconds.
  "grpc.keepalive_time_ms": 40_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.client_idle_timeout_ms": NEVER_IDLE_MS,
  // A proxy of the environment would get what is in clear because it stays on this machine.
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
  // Attempts are counted, and deadlines set, where a call is made: no name server has a say in it. What a
  // server says that it never began is made again by gRPC.
  "grpc.service_config_disable_resolution": 1,
  // Otherwise the connections of a client that is closed live on for others.
  "grpc.use_local_subchannel_pool": 1,
};

/** How a connection is kept secret. */
export interface Security {
  readonly tls?: TlsOptions | boolean;
  /** In clear, wherever it leads. */
  readonly insecure?: boolean;
}

/**
 * Makes a connection to a target, which begins to connect at once.
 *
 * @throws TypeError where it would be in clear beyond this machine.
 */
export function connect(target: string, { tls, insecure }: Security, more: ChannelOptions = {}): Client {
  const files = tls === true ? {} : tls || undefined;
  if (files === undefined && insecure !== true && !isLocal(target)) {
    throw new TypeError(
      "the connection would be in clear beyond this machine, with the caller's key and the users' tokens " +
        "on it: give tls, or insecure where something else keeps the network secret",
    );
  }
  const secrecy = files === undefined ? credentials.createInsecure() : encrypted(files);
  const client = new Client(target, secrecy, {
    ...OPTIONS,
    ...(target.startsWith("dns:") && { "grpc.service_config": ROUND_ROBIN }),
    ...(files?.serverName && {
      "grpc.ssl_target_name_override": files.serverName,
      "grpc.default_authority": files.serverName,
    }),
    ...more,
  });
  client.getChannel().getConnectivityState(true);
  return client;
}

/** How long a connection may take that nobody waits for any more. */
const LONGEST_CONNECT_MS = 5_000;

/**
 * Closes a connection; one that is being made once it is there, or has failed: gRPC loses sight of a socket
 * that connects afterwards, and never closes it.
 */
export function disconnect(client: Client, until = Date.now() + LONGEST_CONNECT_MS): void {
  const channel = client.getChannel();
  const state = channel.getConnectivityState(false);
  if (state === connectivityState.CONNECTING && Date.now() < until) {
    // When gRPC says that it is connected it has not taken note of the socket yet.
    channel.watchConnectivityState(state, until, () => setImmediate(disconnect, client, until));
  } else {
    client.close();
  }
}
