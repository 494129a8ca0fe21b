package dev.sessiond;

/** A verdict, and how it was found. */
record Answered(Outcome outcome, Verdict verdict) {}
