package dev.sessiond.conformance;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** A line of standard input; each has some of the members. */
record Command(JsonObject members) {
  private static final double NANOS_PER_SECOND = 1e9;

  int id() {
    return integer("id");
  }

  String name() {
    return text("do");
  }

  boolean has(String name) {
    return members.has(name);
  }

  JsonElement member(String name) {
    return members.get(name);
  }

  /** What is in a member that is an object; nothing where there is none. */
  Command inner(String name) {
    return new Command(has(name) ? members.getAsJsonObject(name) : new JsonObject());
  }

  /** The objects of a list; none where there is none. */
  List<Command> objects(String name) {
    List<Command> all = new ArrayList<>();
    if (has(name)) {
      members.getAsJsonArray(name).forEach(one -> all.add(new Command(one.getAsJsonObject())));
    }
    return all;
  }

  /** Empty where there is none. */
  String text(String name) {
    return has(name) ? members.get(name).getAsString() : "";
  }

  int integer(String name) {
    return members.get(name).getAsInt();
  }

  double number(String name) {
    return members.get(name).getAsDouble();
  }

  boolean is(String name, boolean value) {
    JsonElement found = members.get(name);
    return found != null
        && found.isJsonPrimitive()
        && found.getAsJsonPrimitive().isBoolean()
        && found.getAsBoolean() == value;
  }

  String[] texts(String name) {
    return has(name) ? new Gson().fromJson(members.get(name), String[].class) : new String[0];
  }

  List<String> list(String name) {
    return List.of(texts(name));
  }

  /** Null where there is none. */
  Duration span(String name) {
    return has(name) ? Duration.ofNanos((long) (number(name) * NANOS_PER_SECOND)) : null;
  }

  /** Null where there is none. */
  Path path(String name) {
    return has(name) ? Path.of(text(name)) : null;
  }

  /** Does something where there is a member. */
  void with(String name, Consumer<String> does) {
    if (has(name)) {
      does.accept(name);
    }
  }
}
