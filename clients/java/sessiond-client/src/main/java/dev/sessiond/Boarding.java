package dev.sessiond;

/** A flight to wait for, and whether another caller began it. */
record Boarding(Flight flight, boolean isJoined) {}
