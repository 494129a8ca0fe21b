package dev.sessiond.internal.denial;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class IntakeTest {
  private static final String COOKIE = "session=a.b.c";

  @Test
  void aCookieIsTakenByItsNameAlone() {
    assertFalse(presented("session", "GET", Map.of("cookie", COOKIE)).isNone());
    assertTrue(presented("other", "GET", Map.of("cookie", COOKIE)).isNone());
    assertTrue(presented(null, "GET", Map.of("cookie", COOKIE)).isNone());
  }

  @Test
  void anEmptyNameIsNone() {
    assertTrue(presented("", "GET", Map.of("cookie", "=a.b.c")).isNone());
  }

  @Test
  void aCookieThatAnotherSiteHasSentIsNotLookedAt() {
    Map<String, String> headers = Map.of("cookie", COOKIE, "sec-fetch-site", "same-site");
    Presented forged = presented("session", "POST", headers);
    assertEquals(Kind.CROSS_SITE, forged.denial().kind());
    assertTrue(forged.credential().isNone());
    assertNull(presented("session", "GET", headers).denial());
  }

  @Test
  void aHeaderIsNeverMadeUpForByACookie() {
    Map<String, String> headers = Map.of("cookie", COOKIE, "authorization", "Bearer x.y.z");
    assertEquals("x.y.z", presented("session", "GET", headers).credential().token());
    Map<String, String> unclear = Map.of("cookie", COOKIE, "authorization", "Bearer a b");
    assertEquals(Kind.INVALID_REQUEST, presented("session", "GET", unclear).denial().kind());
  }

  @Test
  void aProofIsTakenWithATokenOfItsSchemeAlone() {
    assertNotNull(presented(null, "GET", proven("DPoP a.b.c")).proof());
    assertNull(presented(null, "GET", proven("Bearer a.b.c")).proof());
  }

  @Test
  void itsTextShowsNoToken() {
    String text = presented("session", "GET", Map.of("cookie", COOKIE)).toString();
    assertFalse(text.contains("a.b.c"), text);
  }

  private static Map<String, String> proven(String authorization) {
    return Map.of("authorization", authorization, "dpop", "d.e.f");
  }

  private static Presented presented(String cookie, String method, Map<String, String> headers) {
    Intake intake = Intake.of(cookie, Set.of(), "https://shop.example");
    return intake.of(
        new Arrival(
            method,
            "/",
            name -> headers.containsKey(name) ? List.of(headers.get(name)) : List.of()));
  }
}
