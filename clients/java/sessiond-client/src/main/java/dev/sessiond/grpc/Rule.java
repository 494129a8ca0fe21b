package dev.sessiond.grpc;

import dev.sessiond.Policy;
import dev.sessiond.ValidateOptions;

/** What is required of a call; the policy is null for what is public. */
record Rule(Policy policy, ValidateOptions options) {
  static final Rule PUBLIC = new Rule(null, ValidateOptions.DEFAULT);

  boolean isPublic() {
    return policy == null;
  }
}
