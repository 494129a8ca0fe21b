package dev.sessiond.testing;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/** A JWT in compact form that nobody has verified. */
record FakeToken(JsonObject header, JsonObject claims, String payload, String signed, byte[] mac) {
  static final String KEY_ID = "sessiond-testing";

  private static final Gson GSON = new Gson(); // leaves out what is null
  private static final String ALGORITHM = "Ed25519";

  /** Null for what is none. */
  static FakeToken parse(String token) {
    String[] parts = token.split("\\.", -1);
    if (parts.length != 3) {
      return null;
    }
    try {
      Base64.Decoder decoder = Base64.getUrlDecoder();
      String payload = new String(decoder.decode(parts[1]), StandardCharsets.UTF_8);
      JsonElement header =
          JsonParser.parseString(new String(decoder.decode(parts[0]), StandardCharsets.UTF_8));
      return new FakeToken(
          header.getAsJsonObject(),
          JsonParser.parseString(payload).getAsJsonObject(),
          payload,
          parts[0] + "." + parts[1],
          decoder.decode(parts[2]));
    } catch (JsonParseException | IllegalArgumentException | IllegalStateException error) {
      return null;
    }
  }

  /** The issuer's only key. */
  static KeyPair newKey() {
    try {
      return KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
    } catch (GeneralSecurityException error) {
      throw new IllegalStateException("every Java from 15 on has Ed25519", error);
    }
  }

  /** Signs claims, under a header that is as the issuer's but for what is given. */
  static String sign(KeyPair key, Map<String, ?> given, Map<String, ?> claims) {
    Map<String, Object> header =
        new HashMap<>(Map.of("alg", "EdDSA", "kid", KEY_ID, "typ", "at+jwt"));
    header.putAll(given);
    String signed = encoded(header) + "." + encoded(claims);
    try {
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initSign(key.getPrivate());
      signature.update(signed.getBytes(StandardCharsets.US_ASCII));
      return signed + "." + base64(signature.sign());
    } catch (GeneralSecurityException error) {
      throw new IllegalStateException(error);
    }
  }

  boolean isSignedBy(KeyPair key) {
    try {
      Signature signature = Signature.getInstance(ALGORITHM);
      signature.initVerify(key.getPublic());
      signature.update(signed.getBytes(StandardCharsets.US_ASCII));
      return signature.verify(mac);
    } catch (GeneralSecurityException error) {
      return false;
    }
  }

  String text(JsonObject of, String name) {
    JsonElement found = of.get(name);
    return found != null && found.isJsonPrimitive() ? found.getAsString() : "";
  }

  static String base64(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static String encoded(Map<String, ?> part) {
    return base64(GSON.toJson(part).getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String toString() {
    return "FakeToken[hidden]";
  }
}
