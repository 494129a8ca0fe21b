/**
 * Tells OpenTelemetry what a client does. It needs the API alone: which SDK there is, if any, is
 * for the program to say.
 *
 * <pre>
 * SessiondMetrics metrics = new SessiondMetrics(openTelemetry.getMeterProvider());
 * SessiondClient client = SessiondClient.builder(target).observer(metrics).build();
 * metrics.follow(client::numbers);
 *
 * sessiond.client.validations     {validation}  by outcome, accepted and reason
 * sessiond.client.calls           {call}        by method, code and reason
 * sessiond.client.calls.duration  s             by method and code, with all attempts
 * sessiond.client.watch.changes   {change}      of the stream of revocations, by its new state
 * sessiond.client.cache.entries   {entry}       what is kept now
 * sessiond.client.watch.age       s             how long ago everything that was revoked was known
 * </pre>
 */
package dev.sessiond.opentelemetry;
