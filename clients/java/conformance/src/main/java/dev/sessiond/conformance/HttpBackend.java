package dev.sessiond.conformance;

import dev.sessiond.SessiondClient;
import dev.sessiond.servlet.SessiondFilter;
import dev.sessiond.servlet.SessiondFilterBuilder;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.ServletContext;
import jakarta.servlet.ServletRegistration;
import java.io.File;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** A backend over HTTP, whose handlers are behind filters. */
final class HttpBackend implements AutoCloseable {
  private final Tomcat tomcat = new Tomcat();

  HttpBackend(Command command, SessiondClient client) {
    Connector connector = new Connector();
    connector.setProperty("address", "127.0.0.1");
    connector.setPort(0);
    connector.setProperty("maxHttpRequestHeaderSize", "65536"); // tokens of providers are long
    tomcat.setBaseDir(System.getProperty("java.io.tmpdir"));
    tomcat.setConnector(connector);
    Context context =
        tomcat.addContext("", new File(System.getProperty("java.io.tmpdir")).getAbsolutePath());
    context.addServletContainerInitializer(
        (classes, application) -> deploy(application, command, client), Set.of());
    try {
      tomcat.start();
    } catch (LifecycleException error) {
      throw new IllegalStateException(error);
    }
  }

  String target() {
    return "127.0.0.1:" + tomcat.getConnector().getLocalPort();
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

  private static void deploy(ServletContext application, Command command, SessiondClient client) {
    ServletRegistration.Dynamic handler = application.addServlet("handler", new Handler());
    List<Command> routes = command.objects("routes");
    if (command.has("protects")) {
      String[] paths = routes.stream().map(route -> route.text("path")).toArray(String[]::new);
      handler.addMapping("/");
      guard(
          application, "/*", filter(command, command.inner("protects"), client).publicPaths(paths));
      return;
    }
    for (Command route : routes) {
      String path = route.text("path");
      handler.addMapping(path.equals("/") ? "" : path);
      switch (route.text("access")) {
        case "required" -> guard(application, path, filter(command, route, client));
        case "optional" -> guard(application, path, filter(command, route, client).optional());
        default -> {
          // It is public.
        }
      }
    }
  }

  private static void guard(
      ServletContext application, String pattern, SessiondFilterBuilder filter) {
    application
        .addFilter(pattern, filter.build())
        .addMappingForUrlPatterns(EnumSet.of(DispatcherType.REQUEST), false, pattern);
  }

  private static SessiondFilterBuilder filter(
      Command command, Command rule, SessiondClient client) {
    SessiondFilterBuilder filter =
        SessiondFilter.builder(client, Arguments.policy(rule))
            .options(Arguments.validation(rule))
            .trustOrigins(command.texts("trusted_origins"));
    command.with("cookie", name -> filter.cookie(command.text(name)));
    command.with("dpop_origin", name -> filter.dpop(command.text(name)));
    if (command.is("allow_missing_origin", true)) {
      filter.allowMissingOrigin();
    }
    return filter;
  }
}
