package dev.sessiond;

/**
 * What was said of an access token: it is accepted, a {@link Session}, or not, a {@link Rejection}.
 */
public sealed interface Verdict extends BatchVerdict permits Session, Rejection {}
