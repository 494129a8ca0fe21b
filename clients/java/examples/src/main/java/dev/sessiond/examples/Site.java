package dev.sessiond.examples;

import dev.sessiond.LocalLogin;
import dev.sessiond.Login;
import dev.sessiond.Policy;
import dev.sessiond.Session;
import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondException;
import dev.sessiond.servlet.BrowserSessions;
import dev.sessiond.servlet.BrowserSessionsBuilder;
import dev.sessiond.servlet.CrossSiteException;
import dev.sessiond.servlet.SessiondFilter;
import jakarta.servlet.Filter;
import jakarta.servlet.ServletContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/**
 * A site whose visitors log in, with sessions in cookies.
 *
 * <pre>
 * java -cp 'examples/target/*:examples/target/lib/*' dev.sessiond.examples.Site --development
 * open http://localhost:8000/
 * </pre>
 *
 * <p>{@code --sessiond} says where sessiond listens, and {@code --http} where to serve. Without
 * {@code --development} its cookies need https in front of it.
 */
public final class Site {
  private static final String LOGIN =
      """
      <h1>Welcome</h1>
      <form method="post" action="/login"><input name="name" required> <button>Log in</button></form>
      """;
  private static final String LOGOUT =
      """
      <h1>Hello, %s</h1>
      <form method="post" action="/logout"><button>Log out</button></form>
      """;

  private final SessiondClient client;
  private final BrowserSessions sessions;

  private Site(SessiondClient client, BrowserSessions sessions) {
    this.client = client;
    this.sessions = sessions;
  }

  /** Serves until the process ends. */
  public static void main(String[] arguments) throws LifecycleException {
    List<String> given = List.of(arguments);
    SessiondClient client =
        SessiondClient.builder(option(given, "--sessiond", "127.0.0.1:50051")).build();
    BrowserSessionsBuilder builder = BrowserSessions.builder(client).splitCookies();
    if (given.contains("--development")) {
      builder.development();
    }
    Site site = new Site(client, builder.build());
    Tomcat tomcat = tomcat(option(given, "--http", "127.0.0.1:8000"));
    tomcat
        .addContext("", new File(System.getProperty("java.io.tmpdir")).getAbsolutePath())
        .addServletContainerInitializer((classes, context) -> site.deploy(context), Set.of());
    tomcat.start();
    tomcat.getServer().await();
  }

  private void deploy(ServletContext context) {
    context.setRequestCharacterEncoding("utf-8");
    add(context, "", sessions.optional(Policy.NOTHING), Site::welcome);
    add(context, "/orders", sessions.require(Policy.NOTHING), Site::listOrders);
    // A login brings no cookies, so that nothing else sees that another site has sent the form.
    add(context, "/login", sessions.sameSite(), this::logIn);
    add(context, "/logout", null, this::logOut);
  }

  private static void welcome(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    response.setContentType("text/html; charset=utf-8");
    String page =
        SessiondFilter.session(request)
            .map(session -> LOGOUT.formatted(escaped(session.subject())))
            .orElse(LOGIN);
    response.getWriter().print("<!doctype html>\n<title>Shop</title>\n" + page);
  }

  private static void listOrders(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    Session session = SessiondFilter.session(request).orElseThrow();
    response.setContentType("text/plain; charset=utf-8");
    response.getWriter().println("orders of " + session.subject());
  }

  /** Believes everybody. Where a provider knows who it is, its callback opens the session. */
  private void logIn(HttpServletRequest request, HttpServletResponse response) throws IOException {
    if (!request.getMethod().equals("POST")) {
      response.sendError(HttpServletResponse.SC_METHOD_NOT_ALLOWED);
      return;
    }
    try {
      LocalLogin login = LocalLogin.builder().login(Login.of(sessions.device(request))).build();
      sessions.start(
          request, response, client.createLocalSession(request.getParameter("name"), login));
      seeHome(response);
    } catch (SessiondException error) {
      response.sendError(HttpServletResponse.SC_SERVICE_UNAVAILABLE, "nobody can log in now");
    }
  }

  private void logOut(HttpServletRequest request, HttpServletResponse response) throws IOException {
    if (!request.getMethod().equals("POST")) {
      response.sendError(HttpServletResponse.SC_METHOD_NOT_ALLOWED);
      return;
    }
    try {
      sessions.logout(request, response);
      seeHome(response);
    } catch (CrossSiteException error) {
      response.sendError(HttpServletResponse.SC_FORBIDDEN, "another site wants you to log out");
    } catch (SessiondException error) {
      response.sendError(
          HttpServletResponse.SC_SERVICE_UNAVAILABLE, "you are still logged in: try again");
    }
  }

  private static void seeHome(HttpServletResponse response) {
    response.setStatus(HttpServletResponse.SC_SEE_OTHER);
    response.setHeader("Location", "/");
  }

  private static void add(ServletContext context, String path, Filter filter, Handler handler) {
    context.addServlet("at " + path, new Page(handler)).addMapping(path);
    if (filter != null) {
      context.addFilter("before " + path, filter).addMappingForUrlPatterns(null, true, path);
    }
  }

  private static Tomcat tomcat(String address) {
    int colon = address.lastIndexOf(':');
    Connector connector = new Connector();
    connector.setProperty("address", address.substring(0, colon));
    connector.setPort(Integer.parseInt(address.substring(colon + 1)));
    connector.setProperty("maxHttpRequestHeaderSize", "65536"); // for split cookies
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(System.getProperty("java.io.tmpdir"));
    tomcat.setConnector(connector);
    return tomcat;
  }

  private static String option(List<String> given, String name, String instead) {
    int at = given.indexOf(name);
    return at < 0 ? instead : given.get(at + 1);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  /** What answers a request. */
  @FunctionalInterface
  private interface Handler {
    void handle(HttpServletRequest request, HttpServletResponse response) throws IOException;
  }

  /** A handler as a servlet. */
  private static final class Page extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private final transient Handler handler;

    Page(Handler handler) {
      this.handler = handler;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
        throws ServletException, IOException {
      handler.handle(request, response);
    }
  }
}
