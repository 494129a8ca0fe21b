/**
 * A sessiond for tests: it speaks the real protocol, so that client, cache and middleware run as in
 * production.
 */
package dev.sessiond.testing;
