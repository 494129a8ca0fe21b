import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type StringValue, StringValueSchema } from "@bufbuild/protobuf/wkt";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { optionalSessionOf, sessionInterceptor } from "../../src/grpc.js";
import type { Validator } from "../../src/index.js";
import { callOptionsOf, methodsOf } from "./call-rules.js";
import { type Backend, Handled, type Serving } from "./rules.js";
import { BACKEND, HEALTH } from "./service.js";

/** Serves a backend of grpc-js. */
export async function serveGrpcJs(validator: Validator, serving: Serving): Promise<Backend> {
  const interceptors = [sessionInterceptor(validator, methodsOf(serving), callOptionsOf(serving))];
  const server = new Server({ interceptors });
  for (const service of [BACKEND, HEALTH]) server.addService(definitionOf(service), handlers(new Handled()));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failed, bound) =>
      failed ? reject(failed) : resolve(bound),
    );
  });
  return { target: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}

const definitionOf = (service: typeof BACKEND): ServiceDefinition =>
  Object.fromEntries(
    service.methods.map(({ name, methodKind }) => [
      name,
      {
        path: `/${service.typeName}/${name}`,
        requestStream: methodKind === "client_streaming" || methodKind === "bidi_streaming",
        responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
        requestSerialize: encode,
        requestDeserialize: decode,
        responseSerialize: encode,
        responseDeserialize: decode,
      },
    ]),
  );

const encode = (message: StringValue): Buffer => Buffer.from(toBinary(StringValueSchema, message));
const decode = (bytes: Buffer): StringValue => fromBinary(StringValueSchema, bytes);

function handlers(handled: Handled): UntypedServiceImplementation {
  const told = (call: { metadata: Metadata }, more: object = {}) =>
    create(StringValueSchema, {
      value: JSON.stringify({ ...handled.answer(optionalSessionOf(call)), ...more }),
    });
  const unary = (call: ServerUnaryCall<StringValue, StringValue>, answer: sendUnaryData<StringValue>) =>
    answer(null, told(call));
  return {
    Unary: unary,
    Check: unary,
    ServerStream(call: ServerWritableStream<StringValue, StringValue>) {
      const answer = told(call);
      call.write(answer);
      call.write(answer);
      call.end();
    },
    ClientStream(call: ServerReadableStream<StringValue, StringValue>, answer: sendUnaryData<StringValue>) {
      let received = 0;
      call.on("data", () => received++);
      call.on("end", () => answer(null, told(call, { received })));
    },
    Bidi(call: ServerDuplexStream<StringValue, StringValue>) {
      const answer = told(call);
      call.on("data", () => call.write(answer));
      call.on("end", () => call.end());
    },
  };
}
