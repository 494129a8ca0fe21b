package dev.sessiond.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sessiond.Session;
import dev.sessiond.Validator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.security.authorization.method.AuthorizationManagerBeforeMethodInterceptor;
import org.springframework.security.core.context.SecurityContextHolder;

class MethodPoliciesTest {
  private static final Validator NOBODY = Validator.accepting(Session.example("nobody"));

  @AfterEach
  void forget() {
    SecurityContextHolder.clearContext();
  }

  @Test
  void aMethodThatIsCalledByAnInterfaceRequiresWhatItsClassSaysOfIt() {
    Payouts payouts = (Payouts) protecting(new BankPayouts()).getProxy();
    callAs(Session.example("bob"));
    assertEquals("listed", payouts.list());
    assertThrows(AccessDeniedException.class, payouts::pay);
    callAs(Session.example("alice", "payouts"));
    assertEquals("paid", payouts.pay());
  }

  @Test
  void aMethodRequiresWhatAnInterfaceSaysOfIt() {
    ProxyFactory factory = protecting(new Wires());
    factory.setProxyTargetClass(true);
    Wires wires = (Wires) factory.getProxy();
    callAs(Session.example("bob"));
    assertThrows(AccessDeniedException.class, wires::wire);
    callAs(Session.example("alice", "wires"));
    assertEquals("wired", wires.wire());
  }

  private static ProxyFactory protecting(Object target) {
    ProxyFactory factory = new ProxyFactory(target);
    factory.addAdvisor(
        new AuthorizationManagerBeforeMethodInterceptor(
            MethodPolicies.pointcut(), new PolicyAuthorizationManager(NOBODY)));
    return factory;
  }

  private static void callAs(Session session) {
    SecurityContextHolder.getContext().setAuthentication(SessiondAuthentication.ofExample(session));
  }

  private interface Payouts {
    String list();

    String pay();
  }

  @RequirePolicy
  private static final class BankPayouts implements Payouts {
    @Override
    public String list() {
      return "listed";
    }

    @Override
    @RequirePolicy(scopes = "payouts")
    public String pay() {
      return "paid";
    }
  }

  private interface Wiring {
    @RequirePolicy(scopes = "wires")
    String wire();
  }

  static class Wires implements Wiring {
    @Override
    public String wire() {
      return "wired";
    }
  }
}
