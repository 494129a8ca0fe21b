package dev.sessiond.spring;

import java.nio.file.Path;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The settings {@code sessiond.*}.
 *
 * @param target where sessiond is
 * @param key the text of the caller's key; empty for none
 * @param keyFile the file of the caller's key, which is read anew; null for none
 * @param timeout the time that a call has
 * @param dpopOrigin the origin for which DPoP proofs are taken; null for none
 */
@ConfigurationProperties("sessiond")
public record SessiondProperties(
    @DefaultValue("127.0.0.1:50051") String target,
    @DefaultValue("") String key,
    Path keyFile,
    @DefaultValue("1s") Duration timeout,
    String dpopOrigin) {
  /** Does not show the key. */
  @Override
  public String toString() {
    return "SessiondProperties[target=" + target + "]";
  }
}
