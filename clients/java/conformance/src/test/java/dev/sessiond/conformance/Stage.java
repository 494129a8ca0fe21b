package dev.sessiond.conformance;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.sessiond.SessiondClient;
import dev.sessiond.testing.FakeSessiond;
import java.util.HashMap;
import java.util.Map;

/** Where a case is carried out over a fake, in the place of a real server. */
final class Stage {
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();
  private static final JsonElement SUCCESS =
      JsonParser.parseString("{\"error\": {\"$absent\": true}}");
  private static final int FORGED_CHARACTERS = 20;

  private final FakeSessiond fake;
  private final JsonObject named = new JsonObject(); // what steps may speak of
  private SessiondClient client;

  Stage(FakeSessiond fake) {
    this.fake = fake;
  }

  void carryOut(String where, JsonObject given) {
    JsonObject step = resolved(given).getAsJsonObject();
    Command command = new Command(step);
    if (command.text("server").equals("sign")) {
      JsonObject signed = new JsonObject();
      signed.addProperty("token", signed(command));
      named.add(command.text("as"), signed);
    } else if (command.name().equals("new")) {
      client = fake.client(Arguments.builder(command, fake.clientBuilder()));
    } else {
      JsonObject result = Running.carryOut(() -> Commands.carryOut(command, client));
      named.add(command.text("as"), result);
      Expectation.check(where, step.has("expect") ? step.get("expect") : SUCCESS, result);
    }
  }

  private String signed(Command step) {
    Map<String, Object> claims = new HashMap<>(Map.of("jti", "token-1"));
    Command given = step.inner("claims");
    for (String name : given.members().keySet()) {
      JsonElement value = given.member(name);
      boolean isTime = value.isJsonObject() && value.getAsJsonObject().has("now");
      claims.put(
          name,
          isTime
              ? fake.now().getEpochSecond() + value.getAsJsonObject().get("now").getAsLong()
              : GSON.fromJson(value, Object.class));
    }
    String token = fake.sign(header(step), claims);
    return step.is("forged", true)
        ? token.substring(0, token.length() - FORGED_CHARACTERS) + "A".repeat(FORGED_CHARACTERS)
        : token;
  }

  private static Map<String, String> header(Command step) {
    Map<String, String> header = new HashMap<>();
    Command given = step.inner("header");
    given.members().keySet().forEach(name -> header.put(name, given.text(name)));
    return header;
  }

  /** What has a name in the place of the name, and long texts as they are. */
  private JsonElement resolved(JsonElement value) {
    if (value.isJsonPrimitive() && value.getAsString().startsWith("$")) {
      return find(value.getAsString().substring(1).split("\\."));
    }
    if (value.isJsonArray()) {
      JsonArray all = new JsonArray();
      value.getAsJsonArray().forEach(one -> all.add(resolved(one)));
      return all;
    }
    if (!value.isJsonObject()) {
      return value;
    }
    JsonObject members = value.getAsJsonObject();
    if (members.has("$text")) {
      return longText(members.getAsJsonArray("$text"));
    }
    JsonObject all = new JsonObject();
    members.entrySet().forEach(one -> all.add(one.getKey(), resolved(one.getValue())));
    return all;
  }

  private JsonElement find(String[] path) {
    JsonElement found = named;
    for (String name : path) {
      found = found.getAsJsonObject().get(name);
      assertNotNull(found, () -> "nothing has the name " + String.join(".", path));
    }
    return found;
  }

  private static JsonElement longText(JsonArray parts) {
    StringBuilder text = new StringBuilder();
    for (JsonElement part : parts) {
      JsonArray pair = part.getAsJsonArray();
      text.append(pair.get(0).getAsString().repeat(pair.get(1).getAsInt()));
    }
    return new JsonPrimitive(text.toString());
  }
}
