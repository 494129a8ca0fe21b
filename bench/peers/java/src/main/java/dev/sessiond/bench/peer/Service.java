package dev.sessiond.bench.peer;

import com.google.protobuf.Timestamp;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.sessiond.v1.Rejection;
import dev.sessiond.v1.Session;
import dev.sessiond.v1.SessionServiceGrpc;
import dev.sessiond.v1.ValidateTokenRequest;
import dev.sessiond.v1.ValidateTokenResponse;
import io.grpc.stub.StreamObserver;
import java.text.ParseException;
import java.util.Date;

/** Accepts a token whose signature, type, issuer and times are right. */
final class Service extends SessionServiceGrpc.SessionServiceImplBase {
  private final Verifier verifier;

  Service(Verifier verifier) {
    this.verifier = verifier;
  }

  @Override
  public void validateToken(
      ValidateTokenRequest request, StreamObserver<ValidateTokenResponse> answers) {
    answers.onNext(judge(request.getToken()));
    answers.onCompleted();
  }

  private ValidateTokenResponse judge(String text) {
    var answer = ValidateTokenResponse.newBuilder();
    try {
      SignedJWT token = SignedJWT.parse(text);
      return answer.setSession(session(token, verifier.verify(token))).build();
    } catch (ParseException | BadJOSEException | JOSEException e) {
      return answer.setRejection(Rejection.getDefaultInstance()).build();
    }
  }

  private static Session session(SignedJWT token, JWTClaimsSet claims) throws ParseException {
    return Session.newBuilder()
        .setIssuer(claims.getIssuer())
        .setSubject(claims.getSubject())
        .setSessionId(claims.getStringClaim("sid"))
        .setTokenId(claims.getJWTID())
        .setClientId(orEmpty(claims.getStringClaim("client_id")))
        .addAllAudiences(claims.getAudience())
        .setKeyId(token.getHeader().getKeyID())
        .setIssueTime(timestamp(claims.getIssueTime()))
        .setExpireTime(timestamp(claims.getExpirationTime()))
        .setClaimsJson(claims.toString())
        .build();
  }

  private static String orEmpty(String value) {
    return value == null ? "" : value;
  }

  private static Timestamp timestamp(Date date) {
    return Timestamp.newBuilder().setSeconds(date.getTime() / 1000).build();
  }
}
