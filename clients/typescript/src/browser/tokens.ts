import { isToken68 } from "../middleware/credentials.js";
import type { Tokens } from "../tokens.js";

/** Whether these can be kept in cookies: as a header has them, they end none. */
export const areTokens = ({ accessToken, refreshToken }: Tokens): boolean =>
  isToken68(accessToken) && isToken68(refreshToken);
