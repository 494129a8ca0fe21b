package dev.sessiond.internal.browser;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sessiond.Examples;
import dev.sessiond.Tokens;
import dev.sessiond.Vectors;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BrowserVectorsTest {
  private static final String COOKIES = "browser-cookies.json";
  private static final String TEXTS = "browser-texts.json";
  private static final Instant NOW = Instant.parse("2026-11-27T12:00:00Z");
  private static final Style USUAL = new Style(false, "", false);

  @Test
  void cookiesAreSetAsTheVectorsSay() {
    for (JsonObject row : Vectors.rows(COOKIES, "set")) {
      Style style = style(row);
      Style.Lines found = style.set(tokens(row), NOW, brought(row, style));
      assertEquals(Vectors.texts(row.get("lines")), found.values(), name(row));
      assertEquals(row.get("fits").getAsBoolean(), found.fits(), name(row));
      for (String line : found.values()) {
        assertTrue(line.getBytes(StandardCharsets.UTF_8).length <= 4096, name(row));
        assertTrue(style.isOurs(line), name(row));
      }
    }
  }

  @Test
  void whatIsSetIsReadAgain() {
    for (JsonObject row : Vectors.rows(COOKIES, "set")) {
      Style style = style(row);
      Style.Lines lines = style.set(tokens(row), NOW, Cookies.read(List.of(), style));
      Cookies found = Cookies.read(lines.values(), style); // attributes are cookies of no interest
      assertEquals(tokens(row).refreshToken(), found.refreshToken(), name(row));
      if (lines.fits()) {
        assertEquals(tokens(row).accessToken(), found.accessToken(), name(row));
      }
    }
  }

  @Test
  void cookiesAreClearedAsTheVectorsSay() {
    for (JsonObject row : Vectors.rows(COOKIES, "clear")) {
      Style style = style(row);
      assertEquals(Vectors.texts(row.get("lines")), style.clear(brought(row, style)), name(row));
    }
  }

  @Test
  void refreshTokensAreMarkedAsTheVectorsSay() {
    for (JsonObject row : Vectors.rows(COOKIES, "mark")) {
      Style style = style(row);
      List<String> lines = style.mark(withRefresh(row.get("refresh_token").getAsString()));
      assertEquals(List.of(row.get("line").getAsString()), lines, name(row));
      assertTrue(style.isOurs(lines.get(0)), name(row));
    }
  }

  @Test
  void cookiesAreReadAsTheVectorsSay() {
    for (JsonObject row : Vectors.rows(COOKIES, "read")) {
      Cookies found = Cookies.read(Vectors.texts(row.get("headers")), style(row));
      assertEquals(count(row.get("access")), found.access(), name(row));
      assertEquals(count(row.get("refresh")), found.refresh(), name(row));
      assertEquals(Vectors.text(row.get("access_token")), found.accessToken(), name(row));
      assertEquals(Vectors.text(row.get("refresh_token")), found.refreshToken(), name(row));
      assertEquals(row.get("marked").getAsBoolean(), found.isMarked(), name(row));
    }
  }

  @Test
  void hostsOfDevelopmentAreToldApart() {
    Style development = new Style(true, "", false);
    for (JsonObject row : Vectors.rows(COOKIES, "development_hosts")) {
      String host = row.get("host").getAsString();
      assertEquals(row.get("allowed").getAsBoolean(), development.allowsHost(host), host);
      assertTrue(USUAL.allowsHost(host), host);
    }
    assertFalse(development.allowsHost(null));
  }

  @Test
  void pathsToWhichARefreshTokenIsSentAreToldApart() {
    for (JsonObject row : Vectors.rows(COOKIES, "refresh_paths")) {
      Style style = new Style(false, row.get("refresh_path").getAsString(), false);
      String path = row.get("path").getAsString();
      assertEquals(row.get("sent").getAsBoolean(), style.refreshes(path), row.toString());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/session", "/a/b-c", "/~x:y@z"})
  void aPathForTheRefreshTokenIsTaken(String path) {
    assertEquals(path, Style.requireRefreshPath(path));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", "session", "/session/", "/a;b", "/a b", "/a%20b", "/a?b", "/ä"})
  void whatIsNoPathForTheRefreshTokenIsRefused(String path) {
    assertThrows(IllegalArgumentException.class, () -> Style.requireRefreshPath(path));
  }

  @Test
  void browsersAreSentBackToTheirOwnAddress() {
    for (JsonObject row : Vectors.rows(TEXTS, "self")) {
      String target = row.get("target").getAsString();
      assertEquals(row.get("location").getAsString(), Texts.self(target), target);
    }
  }

  @Test
  void serversAreAskedAboutWhatHasTheFormOfARefreshToken() {
    for (JsonObject row : Vectors.rows(TEXTS, "refresh_tokens")) {
      Cookies brought = withRefresh(Vectors.text(row.get("token")));
      assertEquals(row.get("asked").getAsBoolean(), brought.hasRefreshForm(), name(row));
    }
  }

  @Test
  void refreshTokensOfOneSessionAreKnown() {
    for (JsonObject row : Vectors.rows(TEXTS, "same_session")) {
      List<String> both = Vectors.texts(row.get("tokens"));
      boolean found = withRefresh(both.get(0)).isOfSession(both.get(1));
      assertEquals(row.get("same").getAsBoolean(), found, name(row));
    }
  }

  private static Style style(JsonObject row) {
    JsonObject given = row.getAsJsonObject("style");
    return new Style(
        given.has("development") && given.get("development").getAsBoolean(),
        given.has("refresh_path") ? given.get("refresh_path").getAsString() : "",
        given.has("split") && given.get("split").getAsBoolean());
  }

  private static Tokens tokens(JsonObject row) {
    return new Tokens(
        Vectors.text(row.get("access_token")),
        in(row.get("access_expires_in")),
        row.get("refresh_token").getAsString(),
        in(row.get("refresh_expires_in")),
        Examples.session(),
        false);
  }

  private static Instant in(JsonElement seconds) {
    return seconds.isJsonNull() ? null : NOW.plusMillis((long) (seconds.getAsDouble() * 1000));
  }

  private static Cookies brought(JsonObject row, Style style) {
    return Cookies.read(row.has("brought") ? Vectors.texts(row.get("brought")) : List.of(), style);
  }

  private static Cookies withRefresh(String token) {
    Cookies nothing = Cookies.read(List.of(), USUAL);
    return nothing.with(Examples.tokens("h.p.s", token));
  }

  private static Count count(JsonElement name) {
    return Count.valueOf(name.getAsString().toUpperCase(Locale.ROOT));
  }

  private static String name(JsonObject row) {
    return row.get("name").getAsString();
  }
}
