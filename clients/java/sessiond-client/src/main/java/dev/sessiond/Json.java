package dev.sessiond;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import java.util.Map;

/** Reads and writes JSON, strictly. */
final class Json {
  private static final Gson GSON =
      new GsonBuilder()
          .setStrictness(Strictness.STRICT)
          .setObjectToNumberStrategy(ToNumberPolicy.BIG_DECIMAL)
          .disableHtmlEscaping()
          .serializeNulls()
          .create();

  private Json() {}

  static Map<String, Object> object(String text) {
    try {
      Map<String, Object> found = GSON.fromJson(text, new TypeToken<Map<String, Object>>() {});
      if (found != null) {
        return found;
      }
    } catch (JsonParseException error) {
      // Its text may show what is in the payload.
    }
    throw new IllegalStateException("claims_json: found something else, allowed is a JSON object");
  }

  /**
   * Writes what is made of maps, lists, texts, numbers and booleans.
   *
   * @throws IllegalArgumentException it cannot be written
   */
  static String text(String field, Map<String, ?> value) {
    try {
      return GSON.toJson(value);
    } catch (JsonParseException | IllegalArgumentException | UnsupportedOperationException error) {
      throw new IllegalArgumentException(
          field + ": found what is no JSON, allowed is a JSON object");
    }
  }
}
