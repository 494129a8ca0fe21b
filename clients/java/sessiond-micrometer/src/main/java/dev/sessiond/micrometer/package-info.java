/**
 * Tells Micrometer what a client does.
 *
 * <pre>
 * SessiondMetrics metrics = new SessiondMetrics(registry);
 * SessiondClient client = SessiondClient.builder(target).observer(metrics).build();
 * metrics.follow(client::numbers);
 *
 * sessiond.client.validations     by outcome, accepted and reason
 * sessiond.client.calls           by method, code and reason
 * sessiond.client.calls.duration  by method and code, with all attempts
 * sessiond.client.watch.changes   of the stream of revocations, by its new state
 * sessiond.client.cache.entries   what is kept now
 * sessiond.client.watch.age       how long ago everything that was revoked was known, in seconds
 * </pre>
 *
 * <p>Prometheus has them as {@code sessiond_client_validations_total}, {@code
 * sessiond_client_calls_duration_seconds} and so on, as of clients in other languages.
 */
package dev.sessiond.micrometer;
