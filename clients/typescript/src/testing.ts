/** A sessiond for tests, in process. */
import { FakeSessiond } from "./fake/fake.js";

export type { FakeCall } from "./fake/calls.js";
export { FakeSessiond } from "./fake/fake.js";
export { AUDIENCE, ISSUER } from "./fake/identifiers.js";

/** Begins to listen as a sessiond does, on a free port of loopback; `close` ends it. */
export const fakeSessiond = (): Promise<FakeSessiond> => FakeSessiond.listen();
