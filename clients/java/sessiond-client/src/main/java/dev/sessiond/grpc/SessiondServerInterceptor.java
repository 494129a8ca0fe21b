package dev.sessiond.grpc;

import dev.sessiond.Policy;
import dev.sessiond.Proof;
import dev.sessiond.Session;
import dev.sessiond.ValidateOptions;
import dev.sessiond.Validator;
import dev.sessiond.internal.credentials.Credential;
import dev.sessiond.internal.credentials.Credentials;
import dev.sessiond.internal.credentials.InvalidRequestException;
import dev.sessiond.internal.credentials.Proofs;
import dev.sessiond.internal.credentials.Scheme;
import dev.sessiond.internal.denial.Admission;
import dev.sessiond.internal.denial.Denial;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/**
 * Lets only calls through whose token fulfils the policy of their method. What nothing is said
 * about is denied; health and reflection are public unless something else is said.
 *
 * <p>It does not block: where a server has to be asked, the events of the call wait for the
 * verdict. A call that was let through goes on, whatever becomes of its token.
 */
public final class SessiondServerInterceptor implements ServerInterceptor {
  /** The session of a call, in its context; there is none in calls of public methods. */
  public static final Context.Key<Session> SESSION = Context.key("dev.sessiond.session");

  private static final Metadata.Key<String> AUTHORIZATION = text("authorization");
  private static final Metadata.Key<String> DPOP = text("dpop");

  private final Validator validator;
  private final Rules rules;
  private final String dpopOrigin;
  private final Function<ServerCall<?, ?>, X509Certificate> certificate;

  private SessiondServerInterceptor(Builder from) {
    validator = from.validator;
    rules = from.rules.copy();
    dpopOrigin = from.dpopOrigin;
    certificate = from.certificate;
  }

  /** Begins an interceptor that asks a validator, such as a client. */
  public static Builder builder(Validator validator) {
    return new Builder(validator);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String method = call.getMethodDescriptor().getFullMethodName();
    Rule rule = rules.of(method);
    if (rule == null) {
      return Denials.close(call, Denial.ofNoPolicy());
    }
    if (rule.isPublic()) {
      return next.startCall(call, headers);
    }
    CompletableFuture<Admission> asked = admit(call, headers, rule);
    Context context = Context.current();
    if (asked.isDone()) {
      return begin(asked.join(), context, call, headers, next);
    }
    Waiting<Q> waiting = new Waiting<>(asked, call);
    asked.whenComplete(
        (admission, error) -> {
          if (!asked.isCancelled()) {
            waiting.release(() -> begin(admission, context, call, headers, next));
          }
        });
    return waiting;
  }

  private static <Q, A> ServerCall.Listener<Q> begin(
      Admission admission,
      Context context,
      ServerCall<Q, A> call,
      Metadata headers,
      ServerCallHandler<Q, A> next) {
    return admission.denial() == null
        ? Contexts.interceptCall(
            context.withValue(SESSION, admission.session()), call, headers, next)
        : Denials.close(call, admission.denial());
  }

  /** Always completes with an admission, unless it is cancelled. */
  private CompletableFuture<Admission> admit(ServerCall<?, ?> call, Metadata headers, Rule rule) {
    try {
      Credential found = Credentials.fromAuthorization(values(headers, AUTHORIZATION));
      if (found.isNone()) {
        return denied(Denial.ofMissing(rule.policy(), dpopOrigin != null));
      }
      Proof proof = proof(call, found.scheme(), values(headers, DPOP));
      return new Admission.Question(validator, found, proof, rule.policy(), rule.options())
          .askAsync();
    } catch (InvalidRequestException error) {
      return denied(Denial.ofInvalid());
    }
  }

  /**
   * Null for none; which proof a token needs is for the server to say. A call is a POST to its
   * path.
   */
  private Proof proof(ServerCall<?, ?> call, Scheme scheme, List<String> proofs)
      throws InvalidRequestException {
    if (scheme == Scheme.DPOP) {
      String path = "/" + call.getMethodDescriptor().getFullMethodName();
      return Proofs.of(proofs, "POST", dpopOrigin, path);
    }
    X509Certificate found = certificate.apply(call);
    return found == null ? null : Proof.certificate(found);
  }

  private static CompletableFuture<Admission> denied(Denial denial) {
    return CompletableFuture.completedFuture(Admission.denied(denial));
  }

  private static List<String> values(Metadata headers, Metadata.Key<String> key) {
    List<String> all = new ArrayList<>();
    Iterable<String> found = headers.getAll(key);
    if (found != null) {
      found.forEach(all::add);
    }
    return all;
  }

  private static Metadata.Key<String> text(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Says what is required for each method. */
  public static final class Builder {
    private final Validator validator;
    private final Rules rules = new Rules();
    private String dpopOrigin;
    private Function<ServerCall<?, ?>, X509Certificate> certificate = call -> null;

    private Builder(Validator validator) {
      this.validator = validator;
    }

    /**
     * Requires a policy for a method by its full name, {@code /package.Service/Method}, or for all
     * other methods of a service, {@code /package.Service/*}.
     */
    public Builder require(String method, Policy policy) {
      return require(method, policy, ValidateOptions.DEFAULT);
    }

    /** Does the same, and asks in a way of its own, such as {@link ValidateOptions#STRICT}. */
    public Builder require(String method, Policy policy, ValidateOptions options) {
      rules.put(method, new Rule(policy, options));
      return this;
    }

    /** Lets everybody call methods; no token that comes with them is looked at. */
    public Builder publicMethods(String... methods) {
      for (String method : methods) {
        rules.put(method, Rule.PUBLIC);
      }
      return this;
    }

    /** Requires a policy of every method that nothing is said about, instead of denying it. */
    public Builder requireOfOthers(Policy policy) {
      rules.putOthers(policy);
      return this;
    }

    /**
     * Takes DPoP proofs (RFC 9449) from the metadata {@code dpop}, for calls to an origin, such as
     * {@code https://api.example}: the one that clients know, which a proxy may have changed on the
     * way. Without this a token under the scheme DPoP is never good.
     */
    public Builder dpop(String origin) {
      dpopOrigin = Proofs.requireOrigin(origin);
      return this;
    }

    /**
     * Takes the client certificate of a call for the proof of a token that is bound to one (RFC
     * 8705): {@link #peerCertificate}, or one that a proxy hands on; null for none. A validator is
     * asked with it each time, past what it keeps.
     */
    public Builder certificates(Function<ServerCall<?, ?>, X509Certificate> found) {
      certificate = found;
      return this;
    }

    /** The client certificate of the connection that a call came by; null if there is none. */
    public static X509Certificate peerCertificate(ServerCall<?, ?> call) {
      SSLSession secure = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
      if (secure == null) {
        return null;
      }
      try {
        Certificate[] chain = secure.getPeerCertificates();
        return chain.length > 0 && chain[0] instanceof X509Certificate first ? first : null;
      } catch (SSLPeerUnverifiedException error) {
        return null;
      }
    }

    /** Makes the interceptor. */
    public SessiondServerInterceptor build() {
      return new SessiondServerInterceptor(this);
    }
  }
}
