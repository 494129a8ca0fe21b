package dev.sessiond.conformance;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import java.time.Duration;
import java.time.Instant;
import java.util.OptionalInt;

/** Values of the client as JSON: times are seconds since 1970, spans are seconds. */
final class Plain {
  private static final Gson GSON =
      new GsonBuilder()
          .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
          .serializeNulls()
          .registerTypeAdapter(
              Instant.class,
              (JsonSerializer<Instant>)
                  (time, type, context) ->
                      new JsonPrimitive(seconds(time.getEpochSecond(), time.getNano())))
          .registerTypeAdapter(
              Duration.class,
              (JsonSerializer<Duration>)
                  (span, type, context) ->
                      new JsonPrimitive(seconds(span.getSeconds(), span.getNano())))
          .registerTypeAdapter(
              OptionalInt.class,
              (JsonSerializer<OptionalInt>)
                  (number, type, context) ->
                      number.isPresent() ? new JsonPrimitive(number.getAsInt()) : JsonNull.INSTANCE)
          .create();

  private Plain() {}

  static JsonElement of(Object value) {
    return GSON.toJsonTree(value);
  }

  private static double seconds(long whole, int nanos) {
    return whole + nanos / 1e9;
  }
}
