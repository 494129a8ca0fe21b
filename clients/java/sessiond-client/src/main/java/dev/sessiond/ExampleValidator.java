package dev.sessiond;

import dev.sessiond.v1.ClaimValues;
import dev.sessiond.v1.Requirements;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/**
 * Takes every token for one of a session, and judges policies by what that says: in the order and
 * the words of a server.
 */
record ExampleValidator(Session session) implements Validator {
  private static final String INVALID_TOKEN = "Bearer error=\"invalid_token\"";

  @Override
  public Verdict validate(String token, Policy policy, ValidateOptions options) {
    Rejection rejection = rejection(policy.requirements());
    return rejection == null ? session : rejection;
  }

  /** Null for nothing. */
  private Rejection rejection(Requirements wanted) {
    if (!isAny(wanted.getIssuersList(), List.of(session.issuer()))) {
      return denied(
          Reason.ISSUER_NOT_TRUSTED,
          "the token's issuer is not one of the wanted ones",
          INVALID_TOKEN);
    }
    if (!isAny(wanted.getAudiencesList(), session.audiences())) {
      return denied(
          Reason.AUDIENCE_MISMATCH, "the token is meant for another audience", INVALID_TOKEN);
    }
    if (!session.scopes().containsAll(wanted.getScopesList())) {
      return insufficient("scope", ", scope=\"" + String.join(" ", wanted.getScopesList()) + "\"");
    }
    if (!session.permissions().containsAll(wanted.getPermissionsList())) {
      return insufficient("permission", "");
    }
    for (var claim : wanted.getClaimsMap().entrySet()) {
      if (!hasAny(claim.getKey(), claim.getValue())) {
        return insufficient("claim", "");
      }
    }
    if (!isAny(wanted.getAcrValuesList(), List.of(session.acr()))) {
      return stepUp("by stronger means", wanted);
    }
    return wanted.hasMaxAuthAge() && isTooOld(wanted) ? stepUp("again", wanted) : null;
  }

  private boolean hasAny(String claim, ClaimValues wanted) {
    Object said = session.claims().get(claim);
    Collection<?> values =
        said instanceof Collection<?> many ? many : List.of(said == null ? "" : said);
    return !Collections.disjoint(wanted.getValuesList(), values);
  }

  private boolean isTooOld(Requirements wanted) {
    Instant earliest = Instant.now().minusSeconds(wanted.getMaxAuthAge().getSeconds());
    return session.authTime() == null || session.authTime().isBefore(earliest);
  }

  private static Rejection insufficient(String lacks, String parameter) {
    String message = "the token lacks a required " + lacks;
    return denied(
        Reason.SCOPE_INSUFFICIENT,
        message,
        "Bearer error=\"insufficient_scope\"" + described(message) + parameter);
  }

  private static Rejection stepUp(String how, Requirements wanted) {
    String message = "the user must prove who they are " + how;
    String challenge = "Bearer error=\"insufficient_user_authentication\"" + described(message);
    if (wanted.getAcrValuesCount() > 0) {
      challenge += ", acr_values=\"" + String.join(" ", wanted.getAcrValuesList()) + "\"";
    }
    if (wanted.hasMaxAuthAge()) {
      challenge += ", max_age=\"" + wanted.getMaxAuthAge().getSeconds() + "\"";
    }
    return new Rejection(Reason.STEP_UP_REQUIRED, message, NextAction.STEP_UP, challenge);
  }

  private static Rejection denied(Reason reason, String message, String challenge) {
    return new Rejection(reason, message, NextAction.DENY, challenge);
  }

  private static String described(String message) {
    return ", error_description=\"" + message + "\"";
  }

  /** Whether one is among those that are wanted; no wish means all. */
  private static boolean isAny(List<String> wanted, List<String> found) {
    return wanted.isEmpty() || !Collections.disjoint(wanted, found);
  }
}
