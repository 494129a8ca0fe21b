package dev.sessiond;

import io.grpc.MethodDescriptor;
import java.time.Duration;

/**
 * How a call is to be made: its method, its time with all attempts, who makes it, and how often.
 */
record Plan<Q, A>(MethodDescriptor<Q, A> method, Duration timeout, Caller caller, Repeats repeats) {
  Plan {
    if (timeout.isNegative() || timeout.isZero()) {
      throw PolicyRules.invalid("timeout", timeout.toString(), "more than 0 s");
    }
  }
}
