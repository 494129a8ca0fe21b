package dev.sessiond.internal.dial;

import static org.junit.jupiter.api.Assertions.assertNull;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ProxyTest {
  @Test
  void aProxyOfTheProcessGetsNoConnection() throws Exception {
    try (ServerSocket proxy = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      System.setProperty("https.proxyHost", "127.0.0.1");
      System.setProperty("https.proxyPort", Integer.toString(proxy.getLocalPort()));
      ManagedChannel channel = Dial.channel("sessiond.invalid:1", null, true, options -> {});
      // It fails at once by name, or at the proxy, which would have to know the name.
      CompletableFuture<Socket> used = CompletableFuture.supplyAsync(() -> accepted(proxy));
      CompletableFuture<Void> failed = failed(channel);
      CompletableFuture.anyOf(used, failed).get(30, TimeUnit.SECONDS);
      assertNull(used.getNow(null));
      channel.shutdownNow();
    } finally {
      System.clearProperty("https.proxyHost");
      System.clearProperty("https.proxyPort");
    }
  }

  private static CompletableFuture<Void> failed(ManagedChannel channel) {
    CompletableFuture<Void> failed = new CompletableFuture<>();
    watch(channel, failed);
    return failed;
  }

  private static void watch(ManagedChannel channel, CompletableFuture<Void> failed) {
    ConnectivityState state = channel.getState(true);
    if (state == ConnectivityState.TRANSIENT_FAILURE) {
      failed.complete(null);
    } else {
      channel.notifyWhenStateChanged(state, () -> watch(channel, failed));
    }
  }

  /** Null once nobody listens any more. */
  private static Socket accepted(ServerSocket proxy) {
    try {
      return proxy.accept();
    } catch (IOException error) {
      return null;
    }
  }
}
