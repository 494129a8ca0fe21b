package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sessiond.Observer;
import dev.sessiond.Session;
import dev.sessiond.Validation;
import dev.sessiond.testing.FakeSessiond;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
class ShopTest extends ShopCases {
  private static final FakeSessiond FAKE = FakeSessiond.start();

  ShopTest(@Autowired Environment environment) {
    super(FAKE, environment.getProperty("local.server.port"));
  }

  @DynamicPropertySource
  static void settings(DynamicPropertyRegistry registry) {
    settings(FAKE, registry);
  }

  @AfterAll
  static void end() {
    FAKE.close();
  }

  @Test
  void nothingOfWebFluxIsSetUp(@Autowired ApplicationContext context) {
    assertFalse(context.containsBean("sessiondServerAuthentication"));
  }

  @Test
  void anObserverThatIsABeanIsTold(@Autowired Noting observer) throws Exception {
    int before = observer.told.get();
    get("/me", "Bearer " + FAKE.login("alice").accessToken());
    assertTrue(observer.told.get() > before);
  }

  /** Counts what it is told. */
  static final class Noting implements Observer {
    private final AtomicInteger told = new AtomicInteger();

    @Override
    public void validated(Validation validation) {
      told.incrementAndGet();
    }
  }

  @SpringBootApplication
  @EnableMethodSecurity
  static class Shop {
    @Bean
    Noting observer() {
      return new Noting();
    }

    @RestController
    static class Pages {
      @GetMapping("/me")
      String me(@AuthenticationPrincipal Session session) {
        return session.subject();
      }

      @GetMapping("/later")
      Callable<String> later(@AuthenticationPrincipal Session session) {
        return () -> "later for " + session.subject();
      }

      @GetMapping("/orders")
      @RequirePolicy(scopes = "orders:read")
      String orders(@AuthenticationPrincipal Session session) {
        return "orders of " + session.principal();
      }

      @GetMapping("/payments")
      @RequirePolicy(maxAuthAgeSeconds = 60)
      String payments() {
        return "paid";
      }

      @PostMapping("/pay")
      String pay() {
        return "paid";
      }

      @GetMapping("/scoped")
      @PreAuthorize("hasAuthority('SCOPE_orders:read')")
      String scoped() {
        return "scoped";
      }
    }
  }
}
