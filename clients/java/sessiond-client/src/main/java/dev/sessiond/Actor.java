package dev.sessiond;

/**
 * Who acts for a subject (RFC 8693 section 4.1).
 *
 * @param issuer where the actor is known
 * @param subject who it is there
 * @param actor for whom this one acts in turn; null at the end of the chain
 */
public record Actor(String issuer, String subject, Actor actor) {}
