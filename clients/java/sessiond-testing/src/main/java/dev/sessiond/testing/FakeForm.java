package dev.sessiond.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.sessiond.v1.Actor;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Claims by the form that their specifications give them. */
record FakeForm(JsonObject claims) {
  private static final int DEEPEST_ACTOR = 4;
  private static final int LONGEST_IDENTIFIER = 255;
  private static final double LATEST = 253_402_300_799.0; // the end of the year 9999
  private static final Pattern SCOPE = Pattern.compile("[\\x21\\x23-\\x5B\\x5D-\\x7E]+");

  /** A claim has not its form; the message is its name. */
  static final class FormException extends Exception {
    private static final long serialVersionUID = 1L;

    FormException(String name) {
      super(name);
    }
  }

  /** Empty where there is none. */
  String text(String name) throws FormException {
    return claims.has(name) ? string(claims.get(name), name) : "";
  }

  /** What names somebody or something; empty where there is none. */
  String name(String name) throws FormException {
    String text = text(name);
    if (claims.has(name) && !isIdentifier(text)) {
      throw new FormException(name);
    }
    return text;
  }

  List<String> many(String name) throws FormException {
    List<String> all = new ArrayList<>();
    if (claims.has(name)) {
      if (!(claims.get(name) instanceof JsonArray list)) {
        throw new FormException(name);
      }
      for (JsonElement one : list) {
        all.add(string(one, name));
      }
    }
    return all;
  }

  List<String> oneOrMany(String name) throws FormException {
    return isString(claims.get(name)) ? List.of(text(name)) : many(name);
  }

  /** The scopes of a text with blanks between them, or of a list; each is there once. */
  List<String> scopes() throws FormException {
    List<String> all =
        isString(claims.get("scope")) ? List.of(text("scope").split(" ")) : many("scope");
    List<String> found = all.stream().filter(one -> !one.isEmpty()).distinct().toList();
    if (!found.stream().allMatch(one -> SCOPE.matcher(one).matches())) {
      throw new FormException("scope");
    }
    return found;
  }

  /** Null where there is none. */
  Instant time(String name) throws FormException {
    if (!claims.has(name)) {
      return null;
    }
    boolean isNumber = claims.get(name) instanceof JsonPrimitive found && found.isNumber();
    double seconds = isNumber ? claims.get(name).getAsDouble() : -1;
    if (!(seconds >= 0 && seconds <= LATEST)) {
      throw new FormException(name);
    }
    return Instant.ofEpochMilli((long) (seconds * 1_000));
  }

  /** Who acts for the subject (RFC 8693 section 4.1); null where nobody does. */
  Actor actor(String issuer) throws FormException {
    return claims.has("act") ? actor(claims.get("act"), issuer, DEEPEST_ACTOR) : null;
  }

  private static Actor actor(JsonElement value, String issuer, int depth) throws FormException {
    if (depth == 0 || !value.isJsonObject()) {
      throw new FormException("act");
    }
    FakeForm form = new FakeForm(value.getAsJsonObject());
    if (!isString(form.claims.get("sub")) || !isIdentifier(form.text("sub"))) {
      throw new FormException("act");
    }
    boolean hasIssuer = isString(form.claims.get("iss"));
    Actor.Builder actor =
        Actor.newBuilder()
            .setIssuer(hasIssuer ? form.text("iss") : issuer)
            .setSubject(form.text("sub"));
    if (form.claims.has("act")) {
      actor.setActor(actor(form.claims.get("act"), issuer, depth - 1));
    }
    return actor.build();
  }

  private static boolean isIdentifier(String text) {
    int length = text.codePointCount(0, text.length());
    return length >= 1
        && length <= LONGEST_IDENTIFIER
        && text.codePoints().noneMatch(Character::isISOControl);
  }

  private static boolean isString(JsonElement value) {
    return value instanceof JsonPrimitive found && found.isString();
  }

  private static String string(JsonElement value, String name) throws FormException {
    if (!isString(value)) {
      throw new FormException(name);
    }
    return value.getAsString();
  }
}
