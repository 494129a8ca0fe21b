package dial

import (
	"net/netip"
	"regexp"
	"strings"
)

// What else gRPC reads as a target, such as a name server to ask, may lead to another machine.
var address = regexp.MustCompile(`^(?:dns:///|dns:|passthrough:///)?(?:\[([^\]]+)\]|([^\[\]:/,]+))(?::\d+)?$`)

// IsLocal says whether a target can only be on this machine: a Unix socket, or loopback.
func IsLocal(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	found := address.FindStringSubmatch(target)
	if found == nil {
		return false
	}
	host := found[1] + found[2]
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
