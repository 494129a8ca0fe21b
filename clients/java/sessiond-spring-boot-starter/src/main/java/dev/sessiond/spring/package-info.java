/**
 * sessiond for Spring Security, on servlets and on WebFlux: requests with a good access token are
 * authenticated, and {@link dev.sessiond.spring.RequirePolicy} says what a method requires of it.
 */
package dev.sessiond.spring;
