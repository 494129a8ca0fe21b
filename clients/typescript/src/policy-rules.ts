import { invalid } from "./errors.js";
import type { Requirements } from "./policy.js";

const MOST_ITEMS = 64;
/** Characters of an identifier. */
const LONGEST_NAME = 255;
const LONGEST_SCOPE = 256;
/** Durations of the schema end here, in seconds. */
const LONGEST_SPAN = 315_576_000_000;

/**
 * Refuses what a server would, with the names that it has for the fields.
 *
 * @throws InvalidArgumentError
 */
export function checkRequirements(given: Requirements): void {
  refuseUnknown(given);
  checkItems("issuers", given.issuers, checkName);
  checkItems("audiences", given.audiences, checkName);
  checkItems("scopes", given.scopes, checkScope);
  checkItems("permissions", given.permissions, checkName);
  checkClaims(given.claims ?? {});
  checkItems("acr_values", given.acrValues, checkScope);
  const age = given.maxAuthAge;
  if (age !== undefined && !(typeof age === "number" && age >= 0 && age <= LONGEST_SPAN)) {
    throw invalid("max_auth_age", String(age), "0 seconds or more");
  }
}

const KNOWN: Record<keyof Requirements, true> = {
  issuers: true,
  audiences: true,
  scopes: true,
  permissions: true,
  claims: true,
  maxAuthAge: true,
  acrValues: true,
};

/** A demand that is misspelt must not go unheard. */
function refuseUnknown(given: object): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(KNOWN, name));
  if (unknown !== undefined)
    throw invalid(unknown, "a name that is not known", Object.keys(KNOWN).join(", "));
}

type Check = (field: string, value: string) => void;

function checkItems(field: string, values: readonly string[] | undefined, check: Check): void {
  if (values === undefined) return;
  if (!Array.isArray(values)) throw invalid(field, `a ${typeof values}`, "a list of texts");
  const distinct = new Set(values).size;
  if (distinct > MOST_ITEMS) throw invalid(field, `${distinct} items`, `at most ${MOST_ITEMS}`);
  values.forEach((value: unknown, i) => {
    if (typeof value !== "string") throw invalid(`${field}[${i}]`, `a ${typeof value}`, "a text");
    check(`${field}[${i}]`, value);
  });
}

function checkClaims(claims: Readonly<Record<string, readonly string[]>>): void {
  const names = Object.keys(claims).sort();
  if (names.length > MOST_ITEMS) throw invalid("claims", `${names.length} claims`, `at most ${MOST_ITEMS}`);
  for (const name of names) {
    const field = `claims[${JSON.stringify(name)}]`;
    checkName(field, name);
    if (name === "__proto__") throw invalid(field, "a name that is JavaScript's own", "another name");
    if (claims[name]?.length === 0) throw invalid(field, "no value", `1 to ${MOST_ITEMS} values`);
    checkItems(field, claims[name], checkName);
  }
}

function checkName(field: string, value: string): void {
  const { length } = [...value];
  if (length < 1 || length > LONGEST_NAME) {
    throw invalid(field, `${length} characters`, `1 to ${LONGEST_NAME} characters`);
  }
  if (/\p{Cs}/u.test(value)) throw invalid(field, "half a character", "Unicode");
  if (/\p{Cc}/u.test(value)) {
    throw invalid(field, "a control character", "characters that are not control characters");
  }
}

/** What RFC 6749 section 3.3 calls a scope-token. */
function checkScope(field: string, value: string): void {
  if (value.length > LONGEST_SCOPE || !/^[!#-[\]-~]+$/.test(value)) {
    const characters = "printable ASCII characters but space, quote and backslash";
    throw invalid(field, JSON.stringify(value), `1 to ${LONGEST_SCOPE} ${characters}`);
  }
}
