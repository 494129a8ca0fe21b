import { type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { SessionService } from "../sessiond/v1/session_service_pb.js";
import { type FakeCall, noteOf } from "./calls.js";
import { NOBODY_THERE, RefusedError } from "./refusals.js";
import { FakeService } from "./service.js";
import type { FakeState } from "./state.js";
import { encodeEvent, watch, type WatchStream } from "./watching.js";

/** The user agent of clients that a fake has made itself, and whose memory it knows. */
export const OWN_CLIENT = "sessiond-fake";

/** Speaks the protocol of sessiond on a free port of loopback. */
export class FakeServer {
  readonly calls: FakeCall[] = [];
  /** Whether a client watches that the fake has not made. */
  hasForeignWatcher = false;
  #watchers = 0;
  readonly #server = new Server();
  readonly #service: FakeService;

  constructor(
    readonly state: FakeState,
    /** The header of the fake's own calls, which are not noted, and always answered. */
    readonly ownAuthorization: string,
  ) {
    this.#service = new FakeService(state);
    this.#server.addService(definition(), this.#handlers());
  }

  /** Where it listens from now on. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failed, port) =>
        failed === null ? resolve(`127.0.0.1:${port}`) : reject(failed),
      );
    });
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #handlers(): UntypedServiceImplementation {
    const unary = Object.entries(SessionService.method)
      .filter(([, method]) => method.methodKind === "unary")
      .map(([name, method]) => [method.name, this.#unary(name as UnaryName, method.name)]);
    return {
      ...(Object.fromEntries(unary) as UntypedServiceImplementation),
      WatchRevocations: (stream: WatchStream) => this.#watch(stream),
    };
  }

  #unary(name: UnaryName, method: string) {
    return (call: ServerUnaryCall<never, Message>, answer: sendUnaryData<Message>): void => {
      const authorization = authorizationOf(call.metadata);
      if (authorization !== this.ownAuthorization) {
        this.calls.push(noteOf(method, call.request, authorization));
        if (this.state.isAway) return answer(NOBODY_THERE);
      }
      try {
        const service = this.#service;
        answer(
          null,
          name === "getRevocationStatus"
            ? service.getRevocationStatus(this.#watchers)
            : service[name](call.request, authorization),
        );
      } catch (error) {
        answer(refusalOf(error));
      }
    };
  }

  #watch(stream: WatchStream): void {
    if (this.state.isAway) return void stream.emit("error", NOBODY_THERE);
    try {
      watch(this.state, stream);
    } catch (error) {
      return void stream.emit("error", refusalOf(error));
    }
    this.#watchers++;
    stream.once("close", () => this.#watchers--);
    const [agent] = stream.metadata.get("user-agent");
    if (!String(agent).startsWith(OWN_CLIENT)) this.hasForeignWatcher = true;
  }
}

type UnaryName = Exclude<keyof typeof SessionService.method, "watchRevocations">;

function refusalOf(error: unknown) {
  if (error instanceof RefusedError) return error.refusal;
  throw error;
}

const authorizationOf = (metadata: Metadata): string => String(metadata.get("authorization")[0] ?? "");

const definition = (): ServiceDefinition =>
  Object.fromEntries(SessionService.methods.map((method) => [method.name, definitionOf(method)]));

const definitionOf = (method: DescMethod): ServiceDefinition[string] => {
  const isWatch = method.methodKind === "server_streaming";
  const encode = (message: Message) => Buffer.from(toBinary(method.output, message));
  return {
    path: `/${SessionService.typeName}/${method.name}`,
    requestStream: false,
    responseStream: isWatch,
    requestSerialize: (message: Message) => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
    responseSerialize: isWatch ? encodeEvent : encode,
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
};
