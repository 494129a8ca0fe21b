package dev.sessiond;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;

/** The rules that clients in every language have, as data. */
public final class Vectors {
  private static final Path FOLDER = Path.of("../../../tests/vectors");

  private Vectors() {}

  /** What a file has. */
  public static JsonObject file(String name) {
    try {
      return JsonParser.parseString(Files.readString(FOLDER.resolve(name))).getAsJsonObject();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** The rows of a table. */
  public static List<JsonObject> rows(String name, String table) {
    return objects(file(name).getAsJsonArray(table));
  }

  /** The objects of a list. */
  public static List<JsonObject> objects(JsonArray all) {
    if (all.isEmpty()) {
      throw new IllegalStateException("a table without a row tests nothing");
    }
    return StreamSupport.stream(all.spliterator(), false)
        .map(JsonElement::getAsJsonObject)
        .toList();
  }

  /** A text, which may be a list of texts and of how many times each stands there. */
  public static String text(JsonElement given) {
    if (!given.isJsonArray()) {
      return given.getAsString();
    }
    StringBuilder text = new StringBuilder();
    for (JsonElement part : given.getAsJsonArray()) {
      JsonArray pair = part.getAsJsonArray();
      text.append(pair.get(0).getAsString().repeat(pair.get(1).getAsInt()));
    }
    return text.toString();
  }

  /** A list of texts. */
  public static List<String> texts(JsonElement given) {
    return StreamSupport.stream(given.getAsJsonArray().spliterator(), false)
        .map(Vectors::text)
        .toList();
  }
}
