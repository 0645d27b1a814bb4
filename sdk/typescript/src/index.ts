import { Calls } from "./api.js";
import { type Options, sender, type Token } from "./client.js";

export type * from "./api.js";
export { ApiError, clientCredentials, type Options, type Token } from "./client.js";
export { verify } from "./webhooks.js";

/** A stack's API. `token`: an access token, or what returns one, such as `clientCredentials(…)`. */
export class Refledger extends Calls {
  constructor(url: string, token: Token, options: Options = {}) {
    super(sender(url, token, options));
  }
}
