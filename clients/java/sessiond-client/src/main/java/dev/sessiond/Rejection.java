package dev.sessiond;

/**
 * Says that a token is not accepted, and why. It tells of the token's bearer, never of the caller.
 *
 * @param reason why
 * @param message the same for people; nothing of the token is in it
 * @param nextAction what the bearer's client can do about it
 * @param wwwAuthenticate the value for that header (RFC 6750, RFC 9470)
 */
public record Rejection(
    Reason reason, String message, NextAction nextAction, String wwwAuthenticate)
    implements Verdict {}
