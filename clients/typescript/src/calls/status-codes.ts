import { status } from "@grpc/grpc-js";

/** The name of a status code of gRPC; one that is newer than this client is UNKNOWN. */
export type StatusCode = Exclude<keyof typeof status, "OK">;

/** The name of a code as a number. */
export const nameOfCode = (code: number): StatusCode => (status[code] ?? "UNKNOWN") as StatusCode;
