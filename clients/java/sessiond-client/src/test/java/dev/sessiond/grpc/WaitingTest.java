package dev.sessiond.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ServerCall;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class WaitingTest {
  private final List<String> heard = new ArrayList<>();
  private final CompletableFuture<Void> asked = new CompletableFuture<>();
  private final Waiting<String> waiting = new Waiting<>(asked, null);

  @Test
  void whatCameBeforeIsHeardFirstAndInItsOrder() {
    waiting.onReady();
    waiting.onMessage("one");
    waiting.release(
        () ->
            new Hearing() {
              @Override
              public void onReady() {
                super.onReady();
                waiting.onMessage("two"); // it comes while others are handed on
              }
            });
    waiting.onHalfClose();
    assertEquals(List.of("ready", "one", "two", "half closed"), heard);
  }

  @Test
  void aCallThatIsCancelledIsNotAskedAboutAnyLonger() {
    waiting.onCancel();
    assertTrue(asked.isCancelled());
  }

  private class Hearing extends ServerCall.Listener<String> {
    @Override
    public void onReady() {
      heard.add("ready");
    }

    @Override
    public void onMessage(String message) {
      heard.add(message);
    }

    @Override
    public void onHalfClose() {
      heard.add("half closed");
    }
  }
}
