package dev.sessiond;

/**
 * A flight to wait for, and whether another caller began it; or, instead of a flight, a session
 * that was kept meanwhile.
 */
record Boarding(Flight flight, boolean isJoined, Session kept) {}
