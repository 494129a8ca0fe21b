package dev.sessiond.spring;

import dev.sessiond.internal.denial.Denial;
import dev.sessiond.servlet.DenialRenderer;
import dev.sessiond.servlet.HttpDenial;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Writes denials, by the table of the servlet filter. */
final class Responses {
  private Responses() {}

  static void write(HttpServletRequest request, HttpServletResponse response, Denial denial)
      throws IOException {
    denial.log(request.getServletPath());
    HttpDenial.of(denial).write(request, response, DenialRenderer.JSON);
  }
}
