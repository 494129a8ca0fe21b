package dev.sessiond.servlet;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Writes the response to a request that is denied. */
@FunctionalInterface
public interface DenialRenderer {
  /** Writes the body; the status, and the headers that it needs, are set already. */
  void render(HttpServletRequest request, HttpServletResponse response, HttpDenial denial)
      throws IOException;
}
