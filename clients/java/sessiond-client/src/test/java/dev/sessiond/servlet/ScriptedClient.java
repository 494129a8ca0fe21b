package dev.sessiond.servlet;

import dev.sessiond.Bearer;
import dev.sessiond.BrowserClient;
import dev.sessiond.Examples;
import dev.sessiond.Policy;
import dev.sessiond.RevocationResult;
import dev.sessiond.Target;
import dev.sessiond.Tokens;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Verdict;
import dev.sessiond.v1.RevokeSessionRequest.TargetCase;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;

/** A client that gives what a test says, and takes note of what it is asked. */
final class ScriptedClient implements BrowserClient {
  static final Tokens RENEWED = Examples.tokens("n.e.w", "sdr1_new");

  final List<String> asked = new CopyOnWriteArrayList<>();
  final List<Bearer> bearers = new CopyOnWriteArrayList<>();
  final List<TargetCase> ended = new CopyOnWriteArrayList<>();
  final Map<String, Supplier<Verdict>> verdicts = new ConcurrentHashMap<>();
  volatile Supplier<CompletableFuture<Tokens>> refreshed =
      () -> CompletableFuture.completedFuture(RENEWED);
  volatile Supplier<RevocationResult> revoked = () -> null;

  @Override
  public Verdict validate(String token, Policy policy, ValidateOptions options) {
    asked.add("validate");
    return verdicts.getOrDefault(token, () -> Examples.session(token)).get();
  }

  @Override
  public CompletableFuture<Tokens> refreshAsync(String refreshToken, Bearer bearer) {
    asked.add("refresh");
    bearers.add(bearer);
    return refreshed.get();
  }

  @Override
  public RevocationResult revoke(Target target) {
    asked.add("revoke");
    ended.add(Examples.kindOf(target));
    return revoked.get();
  }
}
