package dev.sessiond;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import dev.sessiond.v1.AtLeastAsFresh;
import dev.sessiond.v1.CreateSessionRequest;
import dev.sessiond.v1.FullyConsistent;
import dev.sessiond.v1.PossessionProof;
import dev.sessiond.v1.RefreshSessionRequest;
import dev.sessiond.v1.RevocationCause;
import dev.sessiond.v1.RevokeSessionRequest;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokensRequest;
import java.time.Instant;
import java.util.List;

/** What callers say, as messages. */
final class Requests {
  private Requests() {}

  static ValidateTokenRequest validate(String token, Policy policy, ValidateOptions options) {
    ValidateTokenRequest.Builder request =
        ValidateTokenRequest.newBuilder().setToken(Texts.token(token));
    if (!policy.isNothing()) {
      request.setRequirements(policy.requirements());
    }
    if (options.proof() != null) {
      request.setProof(proof(options.proof()));
    }
    dev.sessiond.v1.Consistency consistency = consistency(options.consistency());
    if (consistency != null) {
      request.setConsistency(consistency);
    }
    return request.build();
  }

  static ValidateTokensRequest validateAll(List<String> tokens, Policy policy, Consistency wanted) {
    ValidateTokensRequest.Builder request = ValidateTokensRequest.newBuilder();
    tokens.forEach(token -> request.addTokens(Texts.token(token)));
    if (!policy.isNothing()) {
      request.setRequirements(policy.requirements());
    }
    dev.sessiond.v1.Consistency consistency = consistency(wanted);
    if (consistency != null) {
      request.setConsistency(consistency);
    }
    return request.build();
  }

  static CreateSessionRequest create(String subject, LocalLogin login) {
    dev.sessiond.v1.LocalLogin.Builder message =
        dev.sessiond.v1.LocalLogin.newBuilder()
            .setSubject(subject)
            .setClientId(login.clientId)
            .setTenantId(login.tenantId)
            .addAllAudiences(login.audiences)
            .addAllScopes(login.scopes)
            .setAcr(login.acr)
            .addAllAmr(login.amr);
    if (!login.claims.isEmpty()) {
      message.setClaimsJson(Json.text("claims", login.claims));
    }
    if (login.authTime != null) {
      message.setAuthTime(time(login.authTime));
    }
    return beside(login.login).setLocalLogin(message).build();
  }

  static CreateSessionRequest create(String issuer, ProviderTokens tokens, Login login) {
    return beside(login)
        .setProviderTokens(
            dev.sessiond.v1.ProviderTokens.newBuilder()
                .setIssuer(issuer)
                .setAccessToken(tokens.accessToken())
                .setRefreshToken(tokens.refreshToken())
                .setIdToken(orEmpty(tokens.idToken())))
        .build();
  }

  static CreateSessionRequest create(String issuer, AuthorizationCode code, Login login) {
    return beside(login)
        .setAuthorizationCode(
            dev.sessiond.v1.AuthorizationCode.newBuilder()
                .setIssuer(issuer)
                .setCode(code.code())
                .setRedirectUri(code.redirectUri())
                .setCodeVerifier(code.codeVerifier())
                .setNonce(orEmpty(code.nonce())))
        .build();
  }

  /** A refresh token to be spent; {@code issuer} is empty for one of sessiond's own. */
  static RefreshSessionRequest refresh(String issuer, String refreshToken, Bearer bearer) {
    RefreshSessionRequest.Builder request =
        RefreshSessionRequest.newBuilder()
            .setIssuer(Texts.sendable(issuer))
            .setRefreshToken(Texts.sendable(refreshToken));
    if (!bearer.device().equals(Device.UNKNOWN)) {
      request.setDevice(device(bearer.device()));
    }
    if (bearer.proof() != null) {
      request.setProof(proof(bearer.proof()));
    }
    return request.build();
  }

  static RevokeSessionRequest revoke(Target target, RevokeOptions options) {
    RevokeSessionRequest.Builder request =
        RevokeSessionRequest.newBuilder()
            .setCause(RevocationCause.valueOf("REVOCATION_CAUSE_" + options.cause()))
            .setNote(options.note());
    target.applyTo(request);
    return request.build();
  }

  static Duration span(java.time.Duration span) {
    return Duration.newBuilder().setSeconds(span.getSeconds()).setNanos(span.getNano()).build();
  }

  private static Timestamp time(Instant at) {
    return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()).build();
  }

  private static CreateSessionRequest.Builder beside(Login login) {
    CreateSessionRequest.Builder request =
        CreateSessionRequest.newBuilder().putAllAttributes(login.attributes());
    if (!login.device().equals(Device.UNKNOWN)) {
      request.setDevice(device(login.device()));
    }
    if (login.proof() != null) {
      request.setProof(proof(login.proof()));
    }
    return request;
  }

  private static dev.sessiond.v1.Device device(Device device) {
    return dev.sessiond.v1.Device.newBuilder()
        .setIpAddress(Texts.sendable(device.ipAddress()))
        .setUserAgent(Texts.userAgent(device.userAgent()))
        .setLabel(Texts.sendable(device.label()))
        .build();
  }

  private static PossessionProof proof(Proof proof) {
    PossessionProof.Builder message = PossessionProof.newBuilder();
    if (proof instanceof DpopProof dpop) {
      message
          .getDpopBuilder()
          .setProof(Texts.sendable(dpop.proof()))
          .setMethod(Texts.sendable(dpop.method()))
          .setUrl(Texts.sendable(dpop.url()));
    } else if (proof instanceof CertificateProof certificate) {
      message.setCertificateSha256(ByteString.copyFrom(certificate.sha256()));
    }
    return message.build();
  }

  /** Null for what the asked server knows. */
  private static dev.sessiond.v1.Consistency consistency(Consistency wanted) {
    dev.sessiond.v1.Consistency.Builder message = dev.sessiond.v1.Consistency.newBuilder();
    if (wanted.isAtLeast()) {
      AtLeastAsFresh revision = AtLeastAsFresh.newBuilder().setRevision(wanted.revision()).build();
      return message.setAtLeastAsFresh(revision).build();
    }
    return wanted == Consistency.STRICT
        ? message.setFullyConsistent(FullyConsistent.getDefaultInstance()).build()
        : null;
  }

  private static String orEmpty(String text) {
    return text == null ? "" : text;
  }
}
