import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";

const STRING = ".google.protobuf.StringValue";

const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
  name,
  inputType: STRING,
  outputType: STRING,
  clientStreaming,
  serverStreaming,
});

/** The services of a backend, as a schema would have them: each message is a text. */
function service(name: string, methods: ReturnType<typeof method>[]): DescService {
  const [, packageName = "", shortName = ""] = /^(.*)\.([^.]+)$/.exec(name) ?? [];
  const file = create(FileDescriptorProtoSchema, {
    name: `${name}.proto`,
    package: packageName,
    syntax: "proto3",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [{ name: shortName, method: methods }],
  });
  const found = createFileRegistry(file, () => file_google_protobuf_wrappers.proto).getService(name);
  if (found === undefined) throw new TypeError(`${name}: there is no such service`);
  return found;
}

export const BACKEND = service("conformance.v1.Backend", [
  method("Unary", false, false),
  method("ServerStream", false, true),
  method("ClientStream", true, false),
  method("Bidi", true, true),
]);

export const HEALTH = service("grpc.health.v1.Health", [method("Check", false, false)]);
