package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.credentials.Scheme;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class SecretsTest {
  private static final String SECRET = "secret-token";

  @Test
  void noTextShowsASecret() {
    Caller caller = Caller.withKey(SECRET);
    List<Object> all =
        List.of(
            new Tokens(SECRET, null, SECRET, null, Examples.session(), false),
            new ProviderTokens(SECRET, SECRET, SECRET),
            new AuthorizationCode(SECRET, "https://app.example", SECRET, SECRET),
            Proof.dpop(SECRET, "GET", "https://app.example"),
            ValidateOptions.DEFAULT.with(Proof.dpop(SECRET, "GET", "https://app.example")),
            Target.accessToken(SECRET),
            Target.refreshToken(SECRET),
            caller,
            Question.of(SECRET, Policy.NOTHING, caller),
            Question.of(SECRET, Policy.NOTHING, caller).group(),
            new Credential(Scheme.BEARER, SECRET),
            new Plan<>(null, Duration.ofSeconds(1), caller, Repeats.ONCE));
    for (Object one : all) {
      assertFalse(one.toString().contains(SECRET), one.getClass().toString());
    }
  }
}
