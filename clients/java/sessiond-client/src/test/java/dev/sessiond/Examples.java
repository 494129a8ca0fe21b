package dev.sessiond;

import dev.sessiond.v1.ValidateTokenResponse;

/** Sessions for tests. */
final class Examples {
  private Examples() {}

  static Session session() {
    ValidateTokenResponse.Builder answer = ValidateTokenResponse.newBuilder();
    answer.getSessionBuilder().setPrincipal("sdp_alice").setSubject("alice");
    return (Session) Results.verdict(answer.build());
  }
}
