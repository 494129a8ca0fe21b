/**
 * Requests of sessions for tests of Spring applications, without a token and without a sessiond.
 */
package dev.sessiond.spring.test;
