package dev.sessiond.conformance;

import com.google.gson.JsonObject;
import dev.sessiond.AuthorizationCode;
import dev.sessiond.Cause;
import dev.sessiond.ProviderTokens;
import dev.sessiond.RevokeOptions;
import dev.sessiond.SessionRecord;
import dev.sessiond.SessiondClient;
import dev.sessiond.Tokens;
import java.time.Duration;
import java.util.List;

/** Carries out commands of a client. */
final class Commands {
  private Commands() {}

  static JsonObject carryOut(Command command, SessiondClient client) {
    return switch (command.name()) {
      case "close" -> {
        client.close();
        yield Outcomes.done();
      }
      case "ready" -> {
        client.ready(command.span("timeout"));
        yield Outcomes.done();
      }
      case "validate" ->
          Outcomes.verdict(
              client.validate(
                  command.text("token"), Arguments.policy(command), Arguments.validation(command)),
              command.is("claims", true));
      case "validate_all" ->
          Outcomes.verdicts(
              client.validateAll(
                  command.list("tokens"),
                  Arguments.policy(command),
                  Arguments.validation(command)));
      case "revoke" ->
          Outcomes.of("revocation", client.revoke(Arguments.target(command), revocation(command)));
      case "get_session" ->
          Outcomes.of(
              "record", client.getSession(command.text("session_id"), command.span("timeout")));
      case "list_sessions" -> Outcomes.of("records", list(command, client));
      default -> Outcomes.of("tokens", tokens(command, client));
    };
  }

  private static Tokens tokens(Command command, SessiondClient client) {
    String issuer = command.text("issuer");
    Duration timeout = command.span("timeout");
    return switch (command.name()) {
      case "refresh" ->
          client.refresh(command.text("refresh_token"), Arguments.bearer(command), timeout);
      case "adopt" ->
          client.adopt(issuer, command.text("refresh_token"), Arguments.bearer(command), timeout);
      case "create_local" ->
          client.createLocalSession(
              command.text("subject"), Arguments.localLogin(command), timeout);
      case "create_from_tokens" ->
          client.createSession(issuer, providerTokens(command), Arguments.login(command), timeout);
      case "create_from_code" ->
          client.createSessionFromCode(issuer, code(command), Arguments.login(command), timeout);
      default ->
          throw new IllegalArgumentException(
              "do: found " + command.name() + ", which this testee does not carry out");
    };
  }

  private static ProviderTokens providerTokens(Command command) {
    return new ProviderTokens(
        command.text("access_token"), command.text("refresh_token"), command.text("id_token"));
  }

  private static AuthorizationCode code(Command command) {
    return new AuthorizationCode(
        command.text("code"),
        command.text("redirect_uri"),
        command.text("code_verifier"),
        command.text("nonce"));
  }

  private static RevokeOptions revocation(Command command) {
    Cause cause = command.has("cause") ? Cause.valueOf(command.text("cause")) : Cause.LOGOUT;
    return RevokeOptions.DEFAULT.with(cause).withNote(command.text("note"));
  }

  private static List<SessionRecord> list(Command command, SessiondClient client) {
    int pageSize = command.has("page_size") ? command.integer("page_size") : 0;
    return client.listSessions(command.text("issuer"), command.text("subject"), pageSize).toList();
  }
}
