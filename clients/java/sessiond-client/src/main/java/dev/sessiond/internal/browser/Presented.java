package dev.sessiond.internal.browser;

import dev.sessiond.internal.denial.Denial;
import java.time.Duration;

/** A request that has no token but in cookies, and what may be asked about it. */
public interface Presented {
  /** The cookies that it brings. */
  Cookies brought();

  /** Whether another site may have caused it. */
  boolean isCrossSite();

  /** Whether its route is for nobody too. */
  boolean isOptional();

  /** Whether its answer may be written past the headers, and cookies with them. */
  boolean isUpgrade();

  /** Whether the refresh token is sent to another path alone. */
  boolean isRefreshedElsewhere();

  /** Whether a person waits for a page. */
  boolean isNavigation();

  /** What is told of a request without a token. */
  Denial missing();

  /** Judges the access token, that of a refresh once there was one; null means that it is good. */
  Denial validate();

  /** Spends the refresh token. */
  Refreshed refresh();

  /** The time since the request arrived. */
  Duration elapsed();
}
