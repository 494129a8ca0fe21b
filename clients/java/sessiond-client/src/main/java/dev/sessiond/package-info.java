/**
 * The client of sessiond: verdicts on access tokens, refreshed and revoked sessions.
 *
 * <p>A {@link dev.sessiond.SessiondClient} asks a server, and keeps what may be repeated. What it
 * requires of a token is a {@link dev.sessiond.Policy}, and what it gives is a {@link
 * dev.sessiond.Verdict}: a {@link dev.sessiond.Session} or a {@link dev.sessiond.Rejection}. What
 * could not be answered is a {@link dev.sessiond.SessiondException}, by its meaning. Packages under
 * {@code dev.sessiond.internal} are not for use by others.
 */
package dev.sessiond;
