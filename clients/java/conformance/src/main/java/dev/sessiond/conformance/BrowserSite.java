package dev.sessiond.conformance;

import dev.sessiond.LocalLogin;
import dev.sessiond.Login;
import dev.sessiond.Policy;
import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondException;
import dev.sessiond.UnavailableException;
import dev.sessiond.ValidateOptions;
import dev.sessiond.servlet.BrowserSessions;
import dev.sessiond.servlet.BrowserSessionsBuilder;
import dev.sessiond.servlet.CookieTooLargeException;
import dev.sessiond.servlet.CrossSiteException;
import jakarta.servlet.Filter;
import jakarta.servlet.ServletContext;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.function.BiConsumer;

/** A backend whose sessions browsers keep in cookies. */
final class BrowserSite {
  private final SessiondClient client;
  private final BrowserSessions sessions;

  BrowserSite(Command command, SessiondClient client) {
    this.client = client;
    this.sessions = builder(command, client).build();
  }

  Filter filter(Command route) {
    Policy policy = Arguments.policy(route);
    ValidateOptions options = Arguments.validation(route);
    return route.text("access").equals("optional")
        ? sessions.optional(policy, options)
        : sessions.require(policy, options);
  }

  /** Adds the routes that no filter is around. */
  void deploy(ServletContext application) {
    application.addServlet("login", new Route(this::login)).addMapping("/login");
    application.addServlet("logout", new Route(sessions::logout)).addMapping("/logout");
  }

  private void login(HttpServletRequest request, HttpServletResponse response) {
    Login login = Login.of(sessions.device(request));
    LocalLogin local = LocalLogin.builder().login(login).build();
    sessions.start(request, response, client.createLocalSession("alice", local));
  }

  private static BrowserSessionsBuilder builder(Command command, SessiondClient client) {
    Command how = command.inner("browser");
    BrowserSessionsBuilder builder =
        BrowserSessions.builder(client).trustOrigins(command.texts("trusted_origins"));
    command.with("dpop_origin", name -> builder.dpop(command.text(name)));
    how.with("refresh_path", name -> builder.refreshPath(how.text(name)));
    if (command.is("allow_missing_origin", true)) {
      builder.allowMissingOrigin();
    }
    if (how.is("development", true)) {
      builder.development();
    }
    return how.is("split", true) ? builder.splitCookies() : builder;
  }

  /** Answers with what a call came to. */
  private static final class Route extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private final transient BiConsumer<HttpServletRequest, HttpServletResponse> does;

    Route(BiConsumer<HttpServletRequest, HttpServletResponse> does) {
      this.does = does;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) {
      response.setStatus(status(request, response));
    }

    private int status(HttpServletRequest request, HttpServletResponse response) {
      try {
        does.accept(request, response);
        return HttpServletResponse.SC_OK;
      } catch (CrossSiteException error) {
        return HttpServletResponse.SC_FORBIDDEN;
      } catch (UnavailableException error) {
        return HttpServletResponse.SC_SERVICE_UNAVAILABLE;
      } catch (SessiondException | CookieTooLargeException | IllegalStateException error) {
        return HttpServletResponse.SC_INTERNAL_SERVER_ERROR;
      }
    }
  }
}
