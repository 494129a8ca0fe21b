package dev.sessiond;

/** What was said of one token of many: a {@link Verdict}, or that there is none for now. */
public sealed interface BatchVerdict permits Verdict, Undecided {}
