package dev.sessiond.conformance;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import dev.sessiond.Bearer;
import dev.sessiond.CacheOptions;
import dev.sessiond.CertificateProof;
import dev.sessiond.Consistency;
import dev.sessiond.Device;
import dev.sessiond.DpopProof;
import dev.sessiond.LocalLogin;
import dev.sessiond.Login;
import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.SessiondClient;
import dev.sessiond.SessiondClientBuilder;
import dev.sessiond.Target;
import dev.sessiond.Tls;
import dev.sessiond.ValidateOptions;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/** What commands say, as arguments of the client. */
final class Arguments {
  private Arguments() {}

  static SessiondClient client(Command command) {
    return builder(command, SessiondClient.builder(command.text("target"))).build();
  }

  /** Gives a client that has been begun the options of a command. */
  static SessiondClientBuilder builder(Command command, SessiondClientBuilder builder) {
    command.with("key", name -> builder.key(command.text(name)));
    command.with("key_file", name -> builder.key(command.path(name)));
    command.with("tls", name -> builder.tls(tls(command.inner(name))));
    command.with("timeout", name -> builder.timeout(command.span(name)));
    command.with("provider_timeout", name -> builder.providerTimeout(command.span(name)));
    if (command.is("insecure", true)) {
      builder.insecure();
    }
    if (command.is("batching", false)) {
      builder.withoutBatching();
    }
    if (command.is("cache", false)) {
      builder.withoutCache();
    } else if (command.inner("cache").has("max_entries")) {
      builder.cache(CacheOptions.ofEntries(command.inner("cache").integer("max_entries")));
    }
    return builder;
  }

  static Policy policy(Command command) {
    Command given = command.inner("policy");
    Policy.Builder policy =
        Policy.builder()
            .issuers(given.texts("issuers"))
            .audiences(given.texts("audiences"))
            .scopes(given.texts("scopes"))
            .permissions(given.texts("permissions"))
            .acrValues(given.texts("acr_values"));
    Command claims = given.inner("claims");
    claims.members().keySet().forEach(name -> policy.claim(name, claims.texts(name)));
    given.with("max_auth_age", name -> policy.maxAuthAge(given.span(name)));
    return policy.build();
  }

  static ValidateOptions validation(Command command) {
    return new ValidateOptions(consistency(command), proof(command), command.span("timeout"));
  }

  static Bearer bearer(Command command) {
    return new Bearer(device(command), proof(command));
  }

  static Login login(Command command) {
    Map<String, String> attributes = new HashMap<>();
    Command given = command.inner("attributes");
    given.members().keySet().forEach(name -> attributes.put(name, given.text(name)));
    return new Login(device(command), attributes, proof(command));
  }

  static LocalLogin localLogin(Command command) {
    LocalLogin.Builder login =
        LocalLogin.builder()
            .login(login(command))
            .clientId(command.text("client_id"))
            .tenantId(command.text("tenant_id"))
            .audiences(command.texts("audiences"))
            .scopes(command.texts("scopes"))
            .acr(command.text("acr"))
            .amr(command.texts("amr"));
    command.with("claims", name -> login.claims(map(command.member(name))));
    command.with(
        "auth_time",
        name -> login.authTime(Instant.EPOCH.plusNanos((long) (command.number(name) * 1e9))));
    return login.build();
  }

  static Target target(Command command) {
    Command target = command.inner("target");
    if (target.has("refresh_token")) {
      return Target.refreshToken(target.text("refresh_token"));
    }
    if (target.has("access_token")) {
      return Target.accessToken(target.text("access_token"));
    }
    if (target.has("session_id")) {
      return Target.session(target.text("session_id"));
    }
    Command subject = target.inner("subject");
    return Target.subjectExcept(
        subject.text("issuer"), subject.text("subject"), subject.text("except_session_id"));
  }

  private static Tls tls(Command given) {
    Tls tls = Tls.system();
    if (given.has("authorities")) {
      tls = tls.authorities(given.path("authorities"));
    }
    if (given.has("certificate")) {
      tls = tls.identity(given.path("certificate"), given.path("private_key"));
    }
    return given.has("server_name") ? tls.serverName(given.text("server_name")) : tls;
  }

  private static Device device(Command command) {
    Command given = command.inner("device");
    return new Device(given.text("ip_address"), given.text("user_agent"), given.text("label"));
  }

  private static Proof proof(Command command) {
    if (command.has("dpop")) {
      Command given = command.inner("dpop");
      return new DpopProof(given.text("proof"), given.text("method"), given.text("url"));
    }
    return command.has("certificate_sha256")
        ? CertificateProof.ofSha256(HexFormat.of().parseHex(command.text("certificate_sha256")))
        : null;
  }

  private static Consistency consistency(Command command) {
    JsonElement wanted = command.member("consistency");
    if (wanted == null) {
      return Consistency.CACHED;
    }
    if (wanted.isJsonObject()) {
      return Consistency.atLeast(wanted.getAsJsonObject().get("at_least").getAsString());
    }
    return switch (wanted.getAsString()) {
      case "server" -> Consistency.SERVER;
      case "strict" -> Consistency.STRICT;
      default -> Consistency.CACHED;
    };
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(JsonElement member) {
    return new Gson().fromJson(member, Map.class);
  }
}
