package dev.sessiond.servlet;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Writes the response to a request that is denied. */
@FunctionalInterface
public interface DenialRenderer {
  /** Writes what is told as JSON: that is done where nobody says otherwise. */
  DenialRenderer JSON =
      (request, response, denial) -> {
        response.setContentType("application/json");
        // A writer would add the name of its character set.
        response.getOutputStream().write(denial.json().getBytes(StandardCharsets.US_ASCII));
      };

  /** Writes the body; the status, and the headers that it needs, are set already. */
  void render(HttpServletRequest request, HttpServletResponse response, HttpDenial denial)
      throws IOException;
}
