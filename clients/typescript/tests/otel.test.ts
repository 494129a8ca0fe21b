import assert from "node:assert/strict";
import { test } from "node:test";

import { DataPointType, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";

import { Metrics } from "../src/otel.js";
import { fakeSessiond } from "../src/testing.js";

/** Reads when it is asked to. */
class Reader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}

  /** All that is told now, as an exporter gets it. */
  async all() {
    const { errors, resourceMetrics } = await this.collect();
    assert.deepEqual(errors, []);
    return resourceMetrics.scopeMetrics;
  }

  /** Each number by its name and attributes; of a histogram it is the count. */
  async numbers(): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const { metrics } of await this.all()) {
      for (const { descriptor, dataPointType, dataPoints } of metrics) {
        for (const { attributes, value } of dataPoints) {
          const name = `${descriptor.name} ${JSON.stringify(Object.fromEntries(Object.entries(attributes).sort()))}`;
          found[name] =
            dataPointType === DataPointType.HISTOGRAM
              ? (value as { count: number }).count
              : (value as number);
        }
      }
    }
    return found;
  }
}

/** A fake, and a client of which a reader is told. */
async function observed(cache?: false) {
  const reader = new Reader();
  const metrics = new Metrics(new MeterProvider({ readers: [reader] }), { client: "orders" });
  const fake = await fakeSessiond();
  const client = fake.client({ observer: metrics, ...(cache === false ? { cache } : {}) });
  metrics.follow(client);
  return { reader, fake, client, metrics };
}

test("OpenTelemetry is told what a client does", async () => {
  const { reader, fake, client } = await observed();
  await using _ = fake;
  assert.deepEqual(await reader.numbers(), { 'sessiond.client.cache.entries {"client":"orders"}': 0 });
  const { accessToken } = await fake.login("alice");
  while (client.numbers.hits === 0) assert.ok((await client.validate(accessToken)).ok);
  for (const _ of [1, 2, 3]) await client.validate("none", undefined, { consistency: "server" });

  const { 'sessiond.client.watch.age {"client":"orders"}': age, ...found } = await reader.numbers();
  const { misses } = client.numbers;
  assert.deepEqual(found, {
    'sessiond.client.validations {"accepted":true,"client":"orders","outcome":"HIT","reason":""}': 1,
    'sessiond.client.validations {"accepted":true,"client":"orders","outcome":"MISS","reason":""}': misses,
    'sessiond.client.validations {"accepted":false,"client":"orders","outcome":"BYPASSED","reason":"MALFORMED"}': 3,
    'sessiond.client.calls {"client":"orders","code":"OK","method":"ValidateToken","reason":""}': misses + 3,
    'sessiond.client.calls.duration {"client":"orders","code":"OK","method":"ValidateToken"}': misses + 3,
    'sessiond.client.watch.changes {"client":"orders","state":"FRESH"}': 1,
    'sessiond.client.cache.entries {"client":"orders"}': 1,
  });
  assert.ok(age !== undefined && age >= 0 && age < 10, `found the age ${age}`);
});

test("OpenTelemetry is told of calls that fail, by the names that other languages give them", async () => {
  const { reader, fake, client } = await observed(false);
  await using _ = fake;
  await assert.rejects(client.refresh("none"));
  const found = await reader.numbers();
  const called = '"client":"orders","code":"UNAUTHENTICATED","method":"RefreshSession"';
  assert.equal(found[`sessiond.client.calls {${called},"reason":"REFRESH_TOKEN_INVALID"}`], 1);
  assert.equal(found[`sessiond.client.calls.duration {${called}}`], 1);
});

test("a client is asked for its numbers until it is followed no more", async () => {
  const { reader, fake, client, metrics } = await observed(false);
  await using _ = fake;
  let asked = 0;
  const source = {
    get numbers() {
      asked++;
      return client.numbers;
    },
  };
  const stop = metrics.follow(source);
  await reader.numbers();
  assert.equal(asked, 1);
  stop();
  await reader.numbers();
  assert.equal(asked, 1);
});

test("durations are told in seconds, within bounds that are ours", async () => {
  const { reader, fake, metrics } = await observed();
  await using _ = fake;
  metrics.called({ method: "ValidateToken", code: "OK", reason: "", durationMs: 1_500, attempts: 1 });
  const told = (await reader.all()).flatMap(({ metrics }) => metrics);
  const durations = told.find(({ descriptor }) => descriptor.name === "sessiond.client.calls.duration");
  const { sum, buckets } = durations?.dataPoints[0]?.value as {
    sum: number;
    buckets: { boundaries: number[] };
  };
  assert.equal(sum, 1.5);
  assert.deepEqual([buckets.boundaries[0], buckets.boundaries.at(-1)], [0.0005, 12]);
});

test("OpenTelemetry is told of no token, no key and nobody's name", async () => {
  const { reader, fake, client } = await observed();
  await using _ = fake;
  const { accessToken, refreshToken } = await fake.login("alice", "orders:read");
  const tokens = [accessToken, refreshToken, "not-a-token-of-ours"];
  for (const token of tokens) await client.validate(token);
  for (const token of tokens) await client.refresh(token).catch(() => {});
  await client.revoke({ accessToken });
  const told = JSON.stringify(await reader.all());
  assert.ok(told.includes("RefreshSession") && told.includes("RevokeSession"));
  for (const secret of [...tokens, "alice", "orders:read"]) assert.ok(!told.includes(secret), told);
});
