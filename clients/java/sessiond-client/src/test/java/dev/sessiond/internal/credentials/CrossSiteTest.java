package dev.sessiond.internal.credentials;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sessiond.Vectors;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CrossSiteTest {
  private static final String FILE = "browser-cross-site.json";

  @Test
  void requestsWithCookiesPassAsTheVectorsSay() {
    for (JsonObject row : Vectors.rows(FILE, "cross_site")) {
      boolean allowsMissing = of(row, "allow_missing_origin").getAsBoolean();
      Set<String> trusted = Set.copyOf(Vectors.texts(of(row, "trusted_origins")));
      boolean isForbidden =
          new CrossSite(trusted, allowsMissing)
              .forbids(
                  row.get("method").getAsString(),
                  of(row, "host").getAsString(),
                  name -> values(row, name));
      assertEquals(row.get("allowed").getAsBoolean(), !isForbidden, row.toString());
    }
  }

  private static JsonElement of(JsonObject row, String name) {
    JsonObject defaults = Vectors.file(FILE).getAsJsonObject("defaults");
    return row.has(name) ? row.get(name) : defaults.get(name);
  }

  private static List<String> values(JsonObject row, String header) {
    return Vectors.texts(of(row, header.replace('-', '_')));
  }
}
