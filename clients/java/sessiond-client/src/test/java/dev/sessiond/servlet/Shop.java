package dev.sessiond.servlet;

import dev.sessiond.Session;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterRegistration;
import jakarta.servlet.ServletContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRegistration;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** A site in a real container: one handler behind filters. */
final class Shop implements AutoCloseable {
  private static final Logger CONTAINER = Logger.getLogger("org.apache");
  private static final Logger CLIENT = Logger.getLogger("dev.sessiond");

  private final Tomcat tomcat = new Tomcat();

  /** What answers a request. */
  @FunctionalInterface
  interface Handler {
    void handle(HttpServletRequest request, HttpServletResponse response)
        throws IOException, ServletException;
  }

  /** Says for whom a request is. */
  static final Handler GREETING =
      (request, response) ->
          response
              .getWriter()
              .print(
                  "for " + SessiondFilter.session(request).map(Session::subject).orElse("nobody"));

  Shop(Handler handler, Filter... filters) {
    CONTAINER.setLevel(Level.OFF); // they tell of what these tests make fail
    CLIENT.setLevel(Level.OFF);
    Connector connector = new Connector();
    connector.setProperty("address", "127.0.0.1");
    connector.setPort(0);
    String folder = System.getProperty("java.io.tmpdir");
    tomcat.setBaseDir(folder);
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("", folder);
    Logger.getLogger(context.getLogName()).setLevel(Level.OFF); // it has a level of its own
    context.addServletContainerInitializer(
        (classes, application) -> deploy(application, handler, filters), Set.of());
    try {
      tomcat.start();
    } catch (LifecycleException error) {
      throw new IllegalStateException(error);
    }
  }

  /** Sends a request that this site's own page has caused, with some lines of a head. */
  Reply ask(String method, String target, String... lines) throws IOException {
    List<String> all = new ArrayList<>(List.of("Host: shop.example"));
    all.addAll(List.of(lines));
    if (all.stream().noneMatch(line -> line.startsWith("Sec-Fetch-Site"))) {
      all.add("Sec-Fetch-Site: same-origin");
    }
    return Reply.of(tomcat.getConnector().getLocalPort(), method, target, all);
  }

  @Override
  public void close() {
    try {
      tomcat.stop();
      tomcat.destroy();
    } catch (LifecycleException error) {
      throw new IllegalStateException(error);
    }
  }

  private static void deploy(ServletContext application, Handler handler, Filter... filters) {
    HttpServlet servlet =
        new HttpServlet() {
          private static final long serialVersionUID = 1L;

          @Override
          protected void service(HttpServletRequest request, HttpServletResponse response)
              throws ServletException, IOException {
            handler.handle(request, response);
          }
        };
    ServletRegistration.Dynamic served = application.addServlet("handler", servlet);
    served.addMapping("/");
    served.setAsyncSupported(true);
    for (int i = 0; i < filters.length; i++) {
      FilterRegistration.Dynamic filter = application.addFilter("filter" + i, filters[i]);
      filter.addMappingForUrlPatterns(EnumSet.of(DispatcherType.REQUEST), true, "/*");
      filter.setAsyncSupported(true);
    }
  }
}
