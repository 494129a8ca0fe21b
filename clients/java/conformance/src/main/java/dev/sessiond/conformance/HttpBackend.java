package dev.sessiond.conformance;

import dev.sessiond.SessiondClient;
import dev.sessiond.servlet.SessiondFilter;
import dev.sessiond.servlet.SessiondFilterBuilder;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.ServletContext;
import jakarta.servlet.ServletRegistration;
import java.io.File;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Function;
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
    if (command.has("browser")) {
      BrowserSite site = new BrowserSite(command, client);
      route(application, handler, command, site::filter);
      site.deploy(application);
      return;
    }
    if (!command.has("protects")) {
      route(application, handler, command, rule -> filter(command, rule, client));
      return;
    }
    String[] paths =
        command.objects("routes").stream().map(route -> route.text("path")).toArray(String[]::new);
    handler.addMapping("/");
    Command rule = command.inner("protects");
    guard(application, "/*", builder(command, rule, client).publicPaths(paths).build());
  }

  private static void route(
      ServletContext application,
      ServletRegistration.Dynamic handler,
      Command command,
      Function<Command, Filter> filters) {
    for (Command route : command.objects("routes")) {
      String path = route.text("path");
      handler.addMapping(path.equals("/") ? "" : path);
      if (!route.text("access").equals("public")) {
        guard(application, path, filters.apply(route));
      }
    }
  }

  private static void guard(ServletContext application, String pattern, Filter filter) {
    application
        .addFilter(pattern, filter)
        .addMappingForUrlPatterns(EnumSet.of(DispatcherType.REQUEST), false, pattern);
  }

  private static Filter filter(Command command, Command route, SessiondClient client) {
    SessiondFilterBuilder filter = builder(command, route, client);
    return route.text("access").equals("optional") ? filter.optional().build() : filter.build();
  }

  private static SessiondFilterBuilder builder(
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
