package dev.sessiond.internal.dial;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Makes connections that are in clear only where nobody can listen. */
public final class Dial {
  // An attempt whose packets are lost is given up, in favour of the next.
  private static final int CONNECT_MILLIS = 2_000;
  // A server throws out who pings more often than every ten seconds.
  private static final long KEEPALIVE_SECONDS = 40;
  private static final long KEEPALIVE_TIMEOUT_SECONDS = 5;
  // What gRPC takes for never.
  private static final long NEVER_IDLE_DAYS = 365;

  private Dial() {}

  /**
   * Makes a channel to a target, which has not begun to connect.
   *
   * @param files those of TLS, or null for a connection in clear
   * @param more the caller's own options, which come last
   * @throws IllegalArgumentException the connection would be in clear beyond this machine, and
   *     {@code isInsecure} does not say that this is meant
   */
  public static ManagedChannel channel(
      String target, Files files, boolean isInsecure, Consumer<ManagedChannelBuilder<?>> more) {
    if (files == null && !isInsecure && !Local.isLocal(target)) {
      throw new IllegalArgumentException(
          "target: found one beyond this machine without TLS, with the caller's key and the users'"
              + " tokens in clear: give tls, or insecure where something else keeps the network"
              + " secret");
    }
    ManagedChannelBuilder<?> builder = builder(target, files);
    builder
        .keepAliveTime(KEEPALIVE_SECONDS, TimeUnit.SECONDS)
        .keepAliveTimeout(KEEPALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        // Whoever calls after a pause does not wait for a handshake.
        .idleTimeout(NEVER_IDLE_DAYS, TimeUnit.DAYS)
        // A proxy of the environment would get what is in clear because it stays on this machine.
        .proxyDetector(address -> null)
        // Attempts are counted, and deadlines set, where a call is made: no name server has a say
        // in it. What
        // never reached a server gRPC may send again by itself.
        .disableServiceConfigLookUp();
    if (target.startsWith("dns:")) {
      builder.defaultLoadBalancingPolicy("round_robin");
    }
    if (files != null && files.serverName() != null) {
      builder.overrideAuthority(files.serverName());
    }
    more.accept(builder);
    return builder.build();
  }

  private static ManagedChannelBuilder<?> builder(String target, Files files) {
    ChannelCredentials credentials =
        files == null ? InsecureChannelCredentials.create() : tls(files);
    return target.startsWith("unix:")
        ? Grpc.newChannelBuilder(target, credentials)
        : NettyChannelBuilder.forTarget(target, credentials)
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS);
  }

  private static ChannelCredentials tls(Files files) {
    TlsChannelCredentials.Builder builder = TlsChannelCredentials.newBuilder();
    if (files.authorities() != null) {
      builder.trustManager(new FileTrust(files.authorities()));
    }
    if (files.certificate() != null) {
      builder.keyManager(new FileIdentity(files.certificate(), files.privateKey()));
    }
    return builder.build();
  }
}
