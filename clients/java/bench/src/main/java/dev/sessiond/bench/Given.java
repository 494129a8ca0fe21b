package dev.sessiond.bench;

import java.util.List;
import java.util.Map;

/** Tokens, their issuer, and the key that signed them. */
record Given(String issuer, Map<String, Object> jwk, List<String> tokens) {}
