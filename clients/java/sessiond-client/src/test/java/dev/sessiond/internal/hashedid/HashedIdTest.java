package dev.sessiond.internal.hashedid;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class HashedIdTest {
  private static final Path VECTORS = Path.of("../../../tests/vectors/hashed-ids.json");

  @Test
  void everyVectorIsHashedAsServersDo() throws IOException {
    JsonArray vectors =
        JsonParser.parseString(Files.readString(VECTORS))
            .getAsJsonObject()
            .getAsJsonArray("hashed_ids");
    assertFalse(vectors.isEmpty());
    for (JsonElement one : vectors) {
      JsonObject vector = one.getAsJsonObject();
      HashedId expected = HashedId.first(HexFormat.of().parseHex(text(vector, "hashed_id")));
      HashedId found =
          HashedId.of(text(vector, "type"), text(vector, "issuer"), text(vector, "id"));
      assertEquals(expected, found, text(vector, "name"));
    }
  }

  private static String text(JsonObject vector, String name) {
    return vector.get(name).getAsString();
  }
}
