import {
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Client, type ClientReadableStream, Metadata, type ServiceError } from "@grpc/grpc-js";

import { ownFailure, toError } from "./failures.js";
import { SessiondError } from "../errors.js";

/** What is sent, as it is sent: every attempt of a call has the same bytes. */
export interface Sending {
  readonly bytes: Buffer;
  /** The header that shows who calls; empty for none. */
  readonly authorization: string;
}

/** One attempt that is under way. */
export interface Attempt<Response> {
  readonly response: Promise<Response>;
  cancel(): void;
}

/** Makes one attempt of a call, which ends at a moment of the wall clock. It rejects with a SessiondError. */
export function attempt<Output extends DescMessage>(
  client: Client,
  method: DescMethodUnary<DescMessage, Output>,
  sending: Sending,
  deadline: number,
): Attempt<MessageShape<Output>> {
  let cancel = () => {};
  const response = new Promise<MessageShape<Output>>((resolve, reject) => {
    const call = client.makeUnaryRequest<Buffer, Buffer>(
      pathOf(method),
      same,
      same,
      sending.bytes,
      metadataOf(sending),
      { deadline },
      (failed, bytes) => {
        if (failed !== null || bytes === undefined) return reject(translated(failed));
        try {
          resolve(read(method, bytes));
        } catch (failure) {
          reject(failure);
        }
      },
    );
    cancel = () => call.cancel();
  });
  return { response, cancel };
}

/** Who is told what comes on a stream. */
export interface Listener<Message> {
  receive(message: Message): void;
  /** It is told once, of the end: undefined where the server ended it well. */
  end(failed: SessiondError | undefined): void;
}

/** Opens a stream. What it gives ends it. */
export function open<Output extends DescMessage>(
  client: Client,
  method: DescMethodServerStreaming<DescMessage, Output>,
  sending: Sending,
  listener: Listener<MessageShape<Output>>,
): () => void {
  const stream = begin(client, method, sending);
  let isOver = false;
  const end = (failed?: SessiondError) => {
    if (isOver) return;
    isOver = true;
    listener.end(failed);
  };
  stream.on("data", (bytes: Buffer) => {
    if (isOver) return;
    let message: MessageShape<Output>;
    try {
      message = read(method, bytes);
    } catch (failed) {
      stream.cancel();
      return end(failed as SessiondError);
    }
    listener.receive(message);
  });
  stream.on("error", (failed: ServiceError) => end(translated(failed)));
  stream.on("end", () => end());
  return () => stream.cancel();
}

/**
 * What comes on a stream, no faster than it is taken, until a signal aborts. Who stops listening ends it.
 *
 * @throws SessiondError, or the reason of the signal.
 */
export async function* messages<Output extends DescMessage>(
  client: Client,
  method: DescMethodServerStreaming<DescMessage, Output>,
  sending: Sending,
  signal: AbortSignal,
): AsyncGenerator<MessageShape<Output>, void, undefined> {
  const stream = begin(client, method, sending);
  stream.on("error", () => {}); // who has stopped listening is told no more
  const cancel = () => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for await (const bytes of stream) {
      yield read(method, bytes as Buffer);
      signal.throwIfAborted(); // whatever had come by then
    }
  } catch (failed) {
    signal.throwIfAborted();
    throw failed instanceof SessiondError ? failed : translated(failed as ServiceError);
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

const begin = (
  client: Client,
  method: DescMethodServerStreaming,
  sending: Sending,
): ClientReadableStream<Buffer> =>
  client.makeServerStreamRequest<Buffer, Buffer>(
    pathOf(method),
    same,
    same,
    sending.bytes,
    metadataOf(sending),
  );

/** @throws SessiondError */
function read<Output extends DescMessage>(
  { output }: { readonly output: Output },
  bytes: Buffer,
): MessageShape<Output> {
  try {
    return fromBinary(output, bytes);
  } catch {
    throw unreadable();
  }
}

const pathOf = (method: DescMethodUnary | DescMethodServerStreaming): string =>
  `/${method.parent.typeName}/${method.name}`;

const same = (bytes: Buffer): Buffer => bytes;

const unreadable = (): SessiondError => ownFailure("INTERNAL", "the answer cannot be read");

function metadataOf({ authorization }: Sending): Metadata {
  const metadata = new Metadata();
  if (authorization !== "") metadata.set("authorization", authorization);
  return metadata;
}

function translated(failed: ServiceError | null): SessiondError {
  if (failed === null) return unreadable();
  const [encoded] = failed.metadata?.get("grpc-status-details-bin") ?? [];
  return toError({
    code: failed.code,
    details: failed.details,
    encoded: encoded instanceof Buffer ? encoded : undefined,
  });
}
