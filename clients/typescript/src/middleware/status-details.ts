import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { DurationSchema } from "@bufbuild/protobuf/wkt";

import { toDuration } from "../messages/spans.js";

const PREFIX = "type.googleapis.com/google.rpc.";

/** A google.rpc.RetryInfo. */
export function retryInfo(retryAfterMs: number): Uint8Array {
  const delay = toBinary(DurationSchema, create(DurationSchema, toDuration(retryAfterMs)));
  return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(delay).finish();
}

/** A google.rpc.Status that says when to come again, for `grpc-status-details-bin`. */
export const retryStatus = (code: number, message: string, retryAfterMs: number): Buffer =>
  statusBytes(code, message, [{ type: "RetryInfo", value: retryInfo(retryAfterMs) }]);

/** A google.rpc.Status with the details of google.rpc, whose package this client does without. */
export function statusBytes(
  code: number,
  message: string,
  details: readonly { readonly type: string; readonly value: Uint8Array }[],
): Buffer {
  const status = new BinaryWriter()
    .tag(1, WireType.Varint)
    .int32(code)
    .tag(2, WireType.LengthDelimited)
    .string(message);
  for (const { type, value } of details) {
    const any = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .string(PREFIX + type)
      .tag(2, WireType.LengthDelimited)
      .bytes(value);
    status.tag(3, WireType.LengthDelimited).bytes(any.finish());
  }
  return Buffer.from(status.finish());
}
