package dev.sessiond.spring;

import dev.sessiond.internal.denial.Denial;
import dev.sessiond.servlet.HttpDenial;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Writes denials, by the table of the servlet filter. */
final class Responses {
  private Responses() {}

  static void write(HttpServletRequest request, HttpServletResponse response, Denial denial)
      throws IOException {
    denial.log(request.getServletPath());
    HttpDenial told = HttpDenial.of(denial);
    response.setStatus(told.status());
    told.headers().forEach(header -> response.addHeader(header.getKey(), header.getValue()));
    response.setContentType("application/json");
    response.getOutputStream().write(told.json().getBytes(StandardCharsets.US_ASCII));
  }
}
