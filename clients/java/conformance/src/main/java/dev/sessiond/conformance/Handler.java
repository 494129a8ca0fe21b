package dev.sessiond.conformance;

import com.google.gson.JsonObject;
import dev.sessiond.servlet.SessiondFilter;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Says of each request that has reached it whose it is. */
final class Handler extends HttpServlet {
  private static final long serialVersionUID = 1L;

  private final transient Handled handled = new Handled();

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    JsonObject told = handled.told(SessiondFilter.session(request).orElse(null));
    told.addProperty("path", request.getServletPath());
    response.setContentType("application/json");
    response.setCharacterEncoding("UTF-8");
    response.getWriter().write(told.toString());
  }
}
