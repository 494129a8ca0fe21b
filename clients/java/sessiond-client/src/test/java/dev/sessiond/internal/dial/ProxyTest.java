package dev.sessiond.internal.dial;

import static org.junit.jupiter.api.Assertions.assertNull;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ProxyTest {
  private static final List<String> PROPERTIES =
      List.of("https.proxyHost", "https.proxyPort", "http.nonProxyHosts");

  @Test
  void aProxyOfTheProcessGetsNoConnection() throws Exception {
    try (ServerSocket proxy = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      System.setProperty("https.proxyHost", "127.0.0.1");
      System.setProperty("https.proxyPort", Integer.toString(proxy.getLocalPort()));
      System.setProperty("http.nonProxyHosts", ""); // Java's own leaves this machine out
      ManagedChannel channel = Dial.channel("127.0.0.1:1", null, false, options -> {});
      // It is refused at once where nobody listens, or comes to the proxy.
      CompletableFuture<Socket> used = CompletableFuture.supplyAsync(() -> accepted(proxy));
      CompletableFuture<Void> failed = failed(channel);
      CompletableFuture.anyOf(used, failed).get(30, TimeUnit.SECONDS);
      assertNull(used.getNow(null));
      channel.shutdownNow();
    } finally {
      PROPERTIES.forEach(System::clearProperty);
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
