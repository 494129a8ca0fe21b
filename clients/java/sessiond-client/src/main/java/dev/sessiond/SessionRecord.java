package dev.sessiond;

import java.time.Instant;
import java.util.Map;

/**
 * A live session as the store has it; a time that is not known is null.
 *
 * @param session what is known of it as of any session
 * @param createTime when it was opened
 * @param lastRefreshTime when it was refreshed last
 * @param idleExpireTime when it ends if it is not refreshed before
 * @param absoluteExpireTime when it ends in any case
 * @param device the end user's device
 * @param attributes what was kept with it
 */
public record SessionRecord(
    Session session,
    Instant createTime,
    Instant lastRefreshTime,
    Instant idleExpireTime,
    Instant absoluteExpireTime,
    Device device,
    Map<String, String> attributes) {}
