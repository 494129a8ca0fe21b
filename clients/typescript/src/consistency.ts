/**
 * How fresh the knowledge of revocations behind a verdict must be:
 *
 * - `cached`, the default: what this client keeps, and what it can share with other callers;
 * - `server`: what a server knows now; nothing from memory, and no call that is shared with others;
 * - `strict`: everything that was revoked before the call, at whichever server: a round trip to the store;
 * - `{ atLeast: revision }`: at least what was known at a revision, such as that of a revocation.
 */
export type Consistency = "cached" | "server" | "strict" | { readonly atLeast: string };
