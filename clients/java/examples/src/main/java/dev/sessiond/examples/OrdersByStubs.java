package dev.sessiond.examples;

import dev.sessiond.v1.Rejection;
import dev.sessiond.v1.Requirements;
import dev.sessiond.v1.Session;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.SessionServiceGrpc.SessionServiceBlockingStub;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.startup.Tomcat;

/**
 * The backend of {@link Orders} without the client: what a service has to do by itself that has nothing but
 * generated stubs, to answer alike. It keeps nothing, and asks about every request.
 */
public final class OrdersByStubs extends HttpServlet {
  private static final long serialVersionUID = 1L;

  /** Serves until the process ends. */
  public static void main(String[] arguments) throws LifecycleException {
    SessionServiceBlockingStub stub =
        SessionServiceGrpc.newBlockingStub(
            ManagedChannelBuilder.forTarget(arguments[0])
                .usePlaintext()
                .proxyDetector(address -> null)
                .build());
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(System.getProperty("java.io.tmpdir"));
    tomcat.setPort(Integer.parseInt(arguments[1]));
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat
        .addContext("", null)
        .addServletContainerInitializer(
            (classes, context) -> {
              context
                  .addFilter("session", new ScopeFilter(stub, "orders:read"))
                  .addMappingForUrlPatterns(null, true, "/orders");
              context.addServlet("orders", new OrdersByStubs()).addMapping("/orders");
            },
            Set.of());
    tomcat.start();
    tomcat.getServer().await();
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    Session session = (Session) request.getAttribute("session");
    response.getWriter().println("orders of " + session.getSubject());
  }

  /** Lets requests through whose token has a scope. */
  private static final class ScopeFilter extends HttpFilter {
    private static final long serialVersionUID = 1L;
    private static final Pattern BEARER =
        Pattern.compile("bearer +([A-Za-z0-9\\-._~+/]+=*)", Pattern.CASE_INSENSITIVE);
    private static final Set<Status.Code> NO_VERDICT =
        Set.of(
            Status.Code.UNAVAILABLE,
            Status.Code.DEADLINE_EXCEEDED,
            Status.Code.RESOURCE_EXHAUSTED,
            Status.Code.CANCELLED);

    private final transient SessionServiceBlockingStub stub;
    private final String scope;

    ScopeFilter(SessionServiceBlockingStub stub, String scope) {
      this.stub = stub;
      this.scope = scope;
    }

    @Override
    protected void doFilter(
        HttpServletRequest request, HttpServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      List<String> values = Collections.list(request.getHeaders("Authorization"));
      if (values.isEmpty()) {
        deny(response, 401, "Bearer scope=\"" + scope + "\"");
        return;
      }
      Matcher found = BEARER.matcher(values.get(0));
      if (values.size() > 1 || !found.matches()) {
        deny(response, 400, "Bearer error=\"invalid_request\"");
        return;
      }
      Session session = ask(found.group(1), response);
      if (session != null) {
        request.setAttribute("session", session);
        chain.doFilter(request, response);
      }
    }

    /** The session of a token; null where the request has been answered. */
    private Session ask(String token, HttpServletResponse response) {
      ValidateTokenRequest question =
          ValidateTokenRequest.newBuilder()
              .setToken(token)
              .setRequirements(Requirements.newBuilder().addScopes(scope))
              .build();
      try {
        ValidateTokenResponse answer =
            stub.withDeadlineAfter(1, TimeUnit.SECONDS).validateToken(question);
        if (answer.hasSession()) {
          return answer.getSession();
        }
        Rejection rejection = answer.getRejection(); // no verdict is none either
        boolean insufficient = rejection.getReason() == Rejection.Reason.REASON_SCOPE_INSUFFICIENT;
        deny(response, insufficient ? 403 : 401, rejection.getWwwAuthenticate());
      } catch (StatusRuntimeException error) {
        // Nobody has to log in again because there is no verdict.
        if (NO_VERDICT.contains(error.getStatus().getCode())) {
          response.setHeader("Retry-After", "1");
          deny(response, 503, "");
        } else {
          System.err.println("sessiond: " + error.getStatus().getCode());
          deny(response, 500, "");
        }
      }
      return null;
    }

    private static void deny(HttpServletResponse response, int status, String challenge) {
      response.setHeader("Cache-Control", "no-store");
      if (!challenge.isEmpty()) {
        response.setHeader("WWW-Authenticate", challenge);
      }
      response.setStatus(status);
    }
  }
}
