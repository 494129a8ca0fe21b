package dev.sessiond.spring;

import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.denial.Admission;

/**
 * The token of a request, and what proves that its bearer has its key; the proof is null for none.
 */
record TokenRequest(Credential credential, Proof proof) {
  Admission ask(Validator validator, Policy policy, ValidateOptions options) {
    return new Admission.Question(validator, credential, proof, policy, options).ask();
  }

  @Override
  public String toString() {
    return "TokenRequest[hidden]";
  }
}
