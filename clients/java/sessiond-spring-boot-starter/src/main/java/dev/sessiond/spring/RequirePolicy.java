package dev.sessiond.spring;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Says what a method requires of the token of the request that it is called for; all of it must
 * hold. On a class it is for its methods that have none of their own. A method has that of the one
 * that it overrides too, such as an interface's, unless it has its own.
 *
 * <p>It is asked about with the proof of the request, and a DPoP proof is good once: it has been
 * spent when the request was authenticated. What needs one of those has to be judged by the
 * authorities, or by the policy of a {@link SessiondAuthenticationFilter}.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE})
public @interface RequirePolicy {
  /** All of these must be there. */
  String[] scopes() default {};

  /** All of these must be there. */
  String[] permissions() default {};

  /** Any one of these must be meant; without any, the issuer's configured ones. */
  String[] audiences() default {};

  /** Any one of these must have issued the token; without any, all of this caller's may have. */
  String[] issuers() default {};

  /** Any one of these will do (RFC 9470). */
  String[] acrValues() default {};

  /**
   * How many seconds ago the user may have proved who they are (RFC 9470); negative for any time.
   */
  long maxAuthAgeSeconds() default -1;

  /** Whether the store is asked first, so that everything is known that was revoked before. */
  boolean strict() default false;
}
