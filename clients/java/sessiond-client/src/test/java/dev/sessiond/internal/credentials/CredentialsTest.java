package dev.sessiond.internal.credentials;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CredentialsTest {
  @ParameterizedTest
  @ValueSource(strings = {"Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "Bearer  a.b.c"})
  void oneTokenOfOneHeaderIsTaken(String value) throws InvalidRequestException {
    Credential found = Credentials.fromAuthorization(List.of(value));
    assertEquals(new Credential(Scheme.BEARER, "a.b.c"), found);
  }

  @Test
  void everyCharacterOfATokenIsTaken() throws InvalidRequestException {
    Credential found = Credentials.fromAuthorization(List.of("dpop aZ09-._~+/=="));
    assertEquals(new Credential(Scheme.DPOP, "aZ09-._~+/=="), found);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Basic dXNlcjpwYXNz", "BearerX a.b.c", "a.b.c"})
  void whatIsNoTokenOfOursIsNone(String value) throws InvalidRequestException {
    assertTrue(Credentials.fromAuthorization(List.of(value)).isNone());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Bearer a.b.c,Bearer d.e.f",
        "Bearer a.b.c d.e.f",
        "Bearer",
        "Bearer ",
        "Bearer\ta.b.c",
        "Bearer a.b.c ",
        "Bearer=a.b.c",
        "Bearer ==",
        "Bearer a=b",
        "Bearer ä",
        "Bearer \ud83e"
      })
  void whereItIsNotClearWhichTokenIsMeantNoneIs(String value) {
    assertThrows(
        InvalidRequestException.class, () -> Credentials.fromAuthorization(List.of(value)));
  }

  @Test
  void ofTwoHeadersNoneIsTaken() {
    assertThrows(
        InvalidRequestException.class,
        () -> Credentials.fromAuthorization(List.of("Basic dTpw", "Bearer a.b.c")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"session=a==", "theme=dark; session=a==; lang=en", "theme=session=x;session=a=="})
  void oneCookieOfTheNameIsTaken(String line) throws InvalidRequestException {
    assertEquals("a==", Credentials.fromCookies(List.of("a=b", line), "session").token());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"theme=dark", "session=", "session", "Session=a", "xsession=a; session2=d"})
  void anotherCookieIsNone(String line) throws InvalidRequestException {
    assertTrue(Credentials.fromCookies(List.of(line), "session").isNone());
  }

  @ParameterizedTest
  @ValueSource(strings = {"session=a; session=b", "session=a; session=a", "session=; session=a"})
  void ofTwoCookiesOfTheNameNoneIsTaken(String line) {
    assertThrows(
        InvalidRequestException.class, () -> Credentials.fromCookies(List.of(line), "session"));
  }
}
