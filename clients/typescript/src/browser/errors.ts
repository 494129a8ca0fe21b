import { type InvalidArgumentError, invalid } from "../errors.js";

/** Another site may have caused a request. */
export class CrossSiteError extends Error {
  override readonly name = "CrossSiteError";

  constructor() {
    super("another site may have caused this request");
  }
}

/** The head of an answer is written, and no cookie can be added to it. */
export class AnswerBegunError extends Error {
  override readonly name = "AnswerBegunError";

  constructor() {
    super("the answer has begun: its cookies cannot be changed any more");
  }
}

/** An access token fits in no cookie, or not in as many as are allowed. */
export class CookieTooLargeError extends Error {
  override readonly name = "CookieTooLargeError";

  constructor(
    /** Of the token. */
    readonly bytes: number,
  ) {
    super(
      `the access token has ${bytes} bytes, and a cookie 4096 with its attributes: ` +
        "let the provider put less into it, or use `split`",
    );
  }
}

/** Tokens that cannot be kept in cookies. */
export class NoTokensError extends Error {
  override readonly name = "NoTokensError";

  constructor() {
    super("there are no tokens of the form that a cookie takes");
  }
}

export const wrongHost = (): InvalidArgumentError =>
  invalid("host", "another one", "localhost: for any other leave `development` out, and use https");
