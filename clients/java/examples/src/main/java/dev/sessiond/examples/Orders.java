package dev.sessiond.examples;

import dev.sessiond.Policy;
import dev.sessiond.Session;
import dev.sessiond.SessiondClient;
import dev.sessiond.servlet.SessiondFilter;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Set;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.startup.Tomcat;

/**
 * A backend of one route, which needs a token that may read orders.
 *
 * <pre>
 * java -cp 'examples/target/*:examples/target/lib/*' dev.sessiond.examples.Orders 127.0.0.1:50051 8000
 * </pre>
 */
public final class Orders extends HttpServlet {
  private static final long serialVersionUID = 1L;

  /** Serves until the process ends. */
  public static void main(String[] arguments) throws LifecycleException {
    SessiondClient client = SessiondClient.builder(arguments[0]).build();
    Policy orders = Policy.builder().scopes("orders:read").build();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(System.getProperty("java.io.tmpdir"));
    tomcat.setPort(Integer.parseInt(arguments[1]));
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat
        .addContext("", null)
        .addServletContainerInitializer(
            (classes, context) -> {
              context
                  .addFilter("session", SessiondFilter.builder(client, orders).build())
                  .addMappingForUrlPatterns(null, true, "/orders");
              context.addServlet("orders", new Orders()).addMapping("/orders");
            },
            Set.of());
    tomcat.start();
    tomcat.getServer().await();
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    Session session = SessiondFilter.session(request).orElseThrow();
    response.getWriter().println("orders of " + session.subject());
  }
}
