package dev.sessiond.servlet;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;

/** A request whose response is held where it is answered later, too. */
final class HeldRequest extends HttpServletRequestWrapper {
  private final HeldResponse response;

  HeldRequest(HttpServletRequest request, HeldResponse response) {
    super(request);
    this.response = response;
  }

  @Override
  public AsyncContext startAsync() {
    return super.startAsync(this, response); // the container's own would be another
  }
}
