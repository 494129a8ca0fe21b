package dev.sessiond.testing;

import dev.sessiond.internal.credentials.Credentials;
import dev.sessiond.v1.Rejection;
import dev.sessiond.v1.Rejection.NextAction;
import dev.sessiond.v1.Rejection.Reason;
import dev.sessiond.v1.Requirements;
import java.util.Map;

/** Rejections in a server's words. */
final class FakeRejections {
  private static final String INVALID_TOKEN = "Bearer error=\"invalid_token\"";
  private static final Map<Reason, NextAction> ACTIONS =
      Map.of(
          Reason.REASON_ISSUER_NOT_TRUSTED, NextAction.NEXT_ACTION_DENY,
          Reason.REASON_ALGORITHM_NOT_ALLOWED, NextAction.NEXT_ACTION_DENY,
          Reason.REASON_TYPE_NOT_ALLOWED, NextAction.NEXT_ACTION_DENY,
          Reason.REASON_AUDIENCE_MISMATCH, NextAction.NEXT_ACTION_DENY,
          Reason.REASON_EXPIRED, NextAction.NEXT_ACTION_REFRESH);

  private FakeRejections() {}

  static Rejection of(Reason reason, String message) {
    return rejection(
        reason,
        message,
        ACTIONS.getOrDefault(reason, NextAction.NEXT_ACTION_REAUTHENTICATE),
        reason == Reason.REASON_EXPIRED ? INVALID_TOKEN + described(message) : INVALID_TOKEN);
  }

  /** For what is no signed JWT in compact form. */
  static Rejection malformed(String token) {
    boolean isOpaque = token.split("\\.", -1).length != 3 && Credentials.isToken68(token);
    return isOpaque
        ? rejection(
            Reason.REASON_MALFORMED,
            "this is no JWT, but an opaque or encrypted token: have its provider issue access"
                + " tokens as JWTs",
            NextAction.NEXT_ACTION_DENY,
            INVALID_TOKEN)
        : of(Reason.REASON_MALFORMED, "this is not a signed JWT in compact form");
  }

  static Rejection unproven(FakeBinding binding) {
    String message = "the token is bound to a key whose possession was not proven";
    return rejection(
        Reason.REASON_BINDING_MISMATCH,
        message,
        NextAction.NEXT_ACTION_DENY,
        (binding.isByDpop() ? "DPoP" : "Bearer") + " error=\"invalid_token\"" + described(message));
  }

  static Rejection insufficient(String lacks, Requirements wanted) {
    String message = "the token lacks a required " + lacks;
    String scopes = lacks.equals("scope") ? String.join(" ", wanted.getScopesList()) : "";
    String parameter = scopes.isEmpty() ? "" : ", scope=\"" + scopes + "\"";
    return rejection(
        Reason.REASON_SCOPE_INSUFFICIENT,
        message,
        NextAction.NEXT_ACTION_DENY,
        "Bearer error=\"insufficient_scope\"" + described(message) + parameter);
  }

  static Rejection stepUp(String how, Requirements wanted) {
    String message = "the user must prove who they are " + how;
    String challenge = "Bearer error=\"insufficient_user_authentication\"" + described(message);
    if (wanted.getAcrValuesCount() > 0) {
      challenge += ", acr_values=\"" + String.join(" ", wanted.getAcrValuesList()) + "\"";
    }
    if (wanted.hasMaxAuthAge()) {
      challenge += ", max_age=\"" + wanted.getMaxAuthAge().getSeconds() + "\"";
    }
    return rejection(
        Reason.REASON_STEP_UP_REQUIRED, message, NextAction.NEXT_ACTION_STEP_UP, challenge);
  }

  private static Rejection rejection(
      Reason reason, String message, NextAction action, String challenge) {
    return Rejection.newBuilder()
        .setReason(reason)
        .setMessage(message)
        .setNextAction(action)
        .setWwwAuthenticate(challenge)
        .build();
  }

  private static String described(String message) {
    return ", error_description=\"" + message + "\"";
  }
}
