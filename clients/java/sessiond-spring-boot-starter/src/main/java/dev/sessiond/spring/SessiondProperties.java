package dev.sessiond.spring;

import dev.sessiond.internal.denial.Intake;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
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
 * @param cookie the name of the cookie whose token is taken where there is no Authorization header,
 *     with a check against requests of other sites; null for none
 * @param trustedOrigins further origins whose pages may send that cookie
 */
@ConfigurationProperties("sessiond")
public record SessiondProperties(
    @DefaultValue("127.0.0.1:50051") String target,
    @DefaultValue("") String key,
    Path keyFile,
    @DefaultValue("1s") Duration timeout,
    String dpopOrigin,
    String cookie,
    @DefaultValue Set<String> trustedOrigins) {
  /** Where tokens are taken from. */
  Intake intake() {
    return Intake.of(cookie, trustedOrigins, dpopOrigin);
  }

  /** Does not show the key. */
  @Override
  public String toString() {
    return "SessiondProperties[target=" + target + "]";
  }
}
