package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ObserversTest {
  private static final Observer FAILING =
      new Observer() {
        @Override
        public void validated(Validation validation) {
          throw new IllegalStateException("no room");
        }
      };

  @Test
  void allAreToldThoughOneFails() {
    List<Validation> told = new ArrayList<>();
    Observer noting =
        new Observer() {
          @Override
          public void validated(Validation validation) {
            told.add(validation);
          }
        };
    SessiondClientBuilder builder =
        SessiondClient.builder("127.0.0.1:1").observer(FAILING).observer(noting);
    builder.observer.validated(new Validation(Outcome.HIT, null, Duration.ZERO));
    assertEquals(1, told.size());
  }

  @Test
  void theOnlyOneIsToldDirectly() {
    SessiondClientBuilder builder = SessiondClient.builder("127.0.0.1:1");
    assertSame(Observers.NOBODY, builder.observer);
    assertSame(FAILING, builder.observer(FAILING).observer);
  }
}
