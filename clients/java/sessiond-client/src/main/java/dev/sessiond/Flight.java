package dev.sessiond;

import java.util.concurrent.CompletableFuture;

/** A question that is asked, or is to be, until it has landed. */
final class Flight {
  final Question question;
  final long generation;
  final CompletableFuture<Landed> landed = new CompletableFuture<>();
  int waiting = 1; // how many wait for it; under the lock of who has it

  Flight(Question question, long generation) {
    this.question = question;
    this.generation = generation;
  }
}
