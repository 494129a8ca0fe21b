package dev.sessiond.servlet;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sessiond.Device;
import dev.sessiond.Policy;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What is built stays as it is, whatever its builder is told later. */
class BuildersTest {
  private final ScriptedClient client = new ScriptedClient();

  @Test
  void aFilterLetsNobodyThroughThatItDidNotLetThroughBefore() throws IOException {
    SessiondFilterBuilder builder =
        SessiondFilter.builder(client, Policy.NOTHING).cookie("session");
    SessiondFilter filter = builder.build();
    builder.optional().publicPaths("/orders").trustOrigins("https://other.example");
    try (Shop shop = new Shop(Shop.GREETING, filter)) {
      assertEquals(401, shop.ask("GET", "/orders").status());
      String[] head = {
        "Cookie: session=h.p.s", "Sec-Fetch-Site: cross-site", "Origin: https://other.example"
      };
      assertEquals(403, shop.ask("POST", "/orders", head).status());
    }
  }

  @Test
  void aSiteTellsOfTheDeviceThatItToldOfBefore() throws IOException {
    BrowserSessionsBuilder builder = BrowserSessions.builder(client);
    BrowserSessions site = builder.build();
    builder.device(request -> new Device("", "another", ""));
    try (Shop shop = new Shop(Shop.GREETING, site.require(Policy.NOTHING))) {
      shop.ask("GET", "/orders", "Cookie: __Host-session-refresh=sdr1_old", "User-Agent: phone");
    }
    assertEquals("phone", client.bearers.get(0).device().userAgent());
  }
}
