package dev.sessiond;

import dev.sessiond.internal.verdicts.Key;

/** One token, by one policy, of one caller; {@code key} is under what its acceptance is kept. */
record Question(String token, Policy policy, Caller caller, Key key) {
  static Question of(String token, Policy policy, Caller caller) {
    String cut = Texts.cut(token);
    return new Question(cut, policy, caller, Key.of(cut, policy, caller));
  }

  /** What goes together: the same demand, of the same caller. */
  Group group() {
    return new Group(policy, caller);
  }

  /** The demand and the caller of questions that may go together. */
  record Group(Policy policy, Caller caller) {}

  @Override
  public String toString() {
    return "Question[hidden]";
  }
}
