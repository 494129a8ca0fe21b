package dev.sessiond.conformance;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import dev.sessiond.testing.FakeSessiond;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The cases that clients must pass over a real server. Here the fake of sessiond-testing stands in
 * its place, so that it gives the verdicts, words and errors that a server gives.
 */
class FakeTest {
  private static final Path CASES = Path.of("../../../tests/conformance/live.json");
  private static final int LEAST_CASES = 20;

  @TestFactory
  Stream<DynamicTest> theFakeAnswersAsARealServer() throws IOException {
    JsonArray cases =
        JsonParser.parseString(Files.readString(CASES)).getAsJsonObject().getAsJsonArray("cases");
    assertTrue(cases.size() > LEAST_CASES, () -> "found " + cases.size() + " cases");
    return StreamSupport.stream(cases.spliterator(), false)
        .map(JsonElement::getAsJsonObject)
        .map(one -> dynamicTest(one.get("name").getAsString(), () -> carryOut(one.get("steps"))));
  }

  private static void carryOut(JsonElement steps) {
    try (FakeSessiond fake = FakeSessiond.start()) {
      Stage stage = new Stage(fake);
      int index = 0;
      for (JsonElement step : steps.getAsJsonArray()) {
        stage.carryOut("steps[" + index++ + "]", step.getAsJsonObject());
      }
    }
  }
}
