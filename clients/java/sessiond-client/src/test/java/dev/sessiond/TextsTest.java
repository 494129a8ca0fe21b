package dev.sessiond;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TextsTest {
  @Test
  void aUserAgentIsCutOnACharacter() {
    assertEquals("x".repeat(256), Texts.userAgent("x".repeat(400)));
    for (String letter : new String[] {"é", "€", "🦉"}) {
      String cut = Texts.userAgent("x" + letter.repeat(200));
      int size = cut.getBytes(StandardCharsets.UTF_8).length;
      int width = letter.getBytes(StandardCharsets.UTF_8).length;
      assertEquals(255 / width * width + 1, size, letter);
      assertEquals("x" + letter.repeat(255 / width), cut);
    }
  }

  @Test
  void userAgentsAreSentAsTheVectorsSay() {
    for (JsonObject row : Vectors.rows("browser-texts.json", "user_agents")) {
      String sent = Texts.userAgent(Vectors.text(row.get("header")));
      assertEquals(Vectors.text(row.get("device")), sent, row.get("name").getAsString());
    }
  }

  @Test
  void halvesOfCharactersAreReplaced() {
    assertEquals("a\ufffdb\ufffd", Texts.sendable("a\ud83eb\udd89"));
    String whole = "a🦉b";
    assertSame(whole, Texts.sendable(whole));
  }

  @Test
  void ofATokenThatIsTooLongAsMuchIsSentAsShowsIt() {
    assertEquals((64 << 10) + 1, Texts.token("x".repeat(1 << 20)).length());
  }
}
