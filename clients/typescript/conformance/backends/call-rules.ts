import type { CallOptions, Methods } from "../../src/grpc.js";
import { ruledConsistency, ruledPolicy, type Serving } from "./rules.js";

export const methodsOf = ({ methods }: Serving): Methods =>
  Object.fromEntries(
    Object.entries(methods).map(([name, rule]) => {
      if (rule.access === "public") return [name, "public"];
      const policy = ruledPolicy(rule);
      const { consistency } = ruledConsistency(rule);
      return [name, consistency === undefined ? policy : { policy, consistency }];
    }),
  );

export const callOptionsOf = (serving: Serving): CallOptions<unknown> => ({
  ...(serving.others !== undefined && { others: ruledPolicy(serving.others) }),
  ...(serving.dpop_origin !== undefined && { dpopOrigin: serving.dpop_origin }),
  log: () => {},
});
