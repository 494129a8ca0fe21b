import { BlockList, isIP } from "node:net";

/** What else gRPC reads as a target, such as a name server to ask, may lead to another machine. */
const ADDRESS = /^(?:dns:\/\/\/|dns:|ipv4:|ipv6:)?(?:\[([^\]]+)\]|([^[\]:/,]+))(?::\d+)?$/;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** Whether a target can only be on this machine: a Unix socket, or loopback. */
export function isLocal(target: string): boolean {
  if (target.startsWith("unix:")) return true;
  const found = ADDRESS.exec(target);
  const host = found?.[1] ?? found?.[2] ?? "";
  if (host === "localhost") return true;
  switch (isIP(host)) {
    case 4:
      return loopback.check(host);
    case 6:
      return loopback.check(host, "ipv6");
    default:
      return false;
  }
}
