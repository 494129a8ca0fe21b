package dev.sessiond.testing;

import dev.sessiond.SessiondClient;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives each test of JUnit that asks for one a fake of its own, a {@link FakeSessiond}, and a
 * {@link SessiondClient} of it.
 */
public final class SessiondExtension implements ParameterResolver {
  private static final Namespace NAMESPACE = Namespace.create(SessiondExtension.class);

  /** What a constructor is given is of one test too. */
  @Override
  public ExtensionContextScope getTestInstantiationExtensionContextScope(ExtensionContext root) {
    return ExtensionContextScope.TEST_METHOD;
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext test) {
    Class<?> type = parameter.getParameter().getType();
    return type == FakeSessiond.class || type == SessiondClient.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext test) {
    FakeSessiond fake =
        test.getStore(NAMESPACE)
            .getOrComputeIfAbsent(Held.class, unused -> new Held(FakeSessiond.start()), Held.class)
            .fake;
    return parameter.getParameter().getType() == FakeSessiond.class ? fake : fake.client();
  }

  /** A fake that ends with its test. */
  private record Held(FakeSessiond fake) implements AutoCloseable {
    @Override
    public void close() {
      fake.close();
    }
  }
}
