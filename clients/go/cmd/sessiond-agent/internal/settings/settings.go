// Package settings are the agent's flags, and the environment that may stand for them.
package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/callers"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

// Prefix is that of the environment's names: every --some-flag is SESSIOND_AGENT_SOME_FLAG too.
const Prefix = "SESSIOND_AGENT_"

// nothing is what an empty list is written as.
const nothing = "none"

// Settings are what an agent is started with.
type Settings struct {
	Servers    string
	CAFile     string
	CertFile   string
	CertKey    string
	ServerName string
	Insecure   bool
	KeyFile    string
	TokenFile  string

	Listen           string
	SocketMode       fs.FileMode
	TLSCertFile      string
	TLSKeyFile       string
	TLSClientCAFile  string
	Anonymous        []callers.Group
	AnonymousNames   []string
	MaxConnections   int
	MaxWatchers      int
	Reflection       bool
	HTTP             string
	CacheEntries     int
	CacheBytes       int64
	DrainDelay       time.Duration
	DrainGrace       time.Duration
	PrintsTheVersion bool

	ExtAuthz ExtAuthz

	anonymous, anonymousNames, socketMode string
}

// IsTLS says whether callers come by TLS.
func (s *Settings) IsTLS() bool { return s.TLSCertFile != "" }

// flags are everything that can be said, in the order of the help.
func (s *Settings) flags(output io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("sessiond-agent", flag.ContinueOnError)
	set.SetOutput(output)
	set.StringVar(&s.Servers, "servers", "",
		"where the servers are; required: dns:///NAME:PORT, unix:PATH, or HOST:PORT with commas between")
	set.StringVar(&s.CAFile, "ca-file", "",
		"PEM `file` with the authorities of the servers' certificates; TLS is used")
	set.StringVar(&s.CertFile, "cert-file", "", "PEM `file` with the agent's own certificate at the servers")
	set.StringVar(&s.CertKey, "cert-key-file", "", "PEM `file` with that certificate's private key")
	set.StringVar(&s.ServerName, "server-name", "",
		"`name` to expect in the servers' certificates, where it is not that of the address")
	set.BoolVar(&s.Insecure, "insecure", false,
		"send keys and tokens to servers beyond this machine in clear: something else keeps the network secret")
	set.StringVar(&s.KeyFile, "key-file", "",
		"`file` with the agent's own key at the servers, read again when it changes")
	set.StringVar(&s.TokenFile, "token-file", "",
		"`file` with a workload token in the place of a key, read again when it changes")
	set.StringVar(&s.Listen, "listen", "unix:/run/sessiond/agent.sock",
		"where callers connect: unix:PATH or HOST:PORT")
	set.StringVar(&s.socketMode, "socket-mode", "0660", "octal `mode` of the Unix socket")
	set.StringVar(&s.TLSCertFile, "tls-cert-file", "", "PEM `file` with the certificate for callers")
	set.StringVar(&s.TLSKeyFile, "tls-key-file", "", "PEM `file` with its private key")
	set.StringVar(&s.TLSClientCAFile, "tls-client-ca-file", "",
		"PEM `file` with the authorities of the certificates that callers have to show")
	set.StringVar(&s.anonymous, "anonymous", "",
		"what callers without a key may do as the agent: validate, watch, both or none "+
			"(default validate,watch on a Unix socket or loopback, none elsewhere)")
	set.StringVar(&s.anonymousNames, "anonymous-names", "",
		"`names` (DNS or URI) of which one has to be in the client certificate of a caller without a key")
	set.IntVar(&s.MaxConnections, "max-connections", 1000, "how many connections callers may have")
	set.IntVar(&s.MaxWatchers, "max-watchers", 1000, "how many callers may watch revocations at a time")
	set.BoolVar(&s.Reflection, "reflection", false, "let callers list the methods")
	set.StringVar(&s.HTTP, "http", "", "`address` of /healthz, /readyz and /metrics (default off)")
	set.IntVar(&s.CacheEntries, "cache-entries", 10_000, "how many acceptances to keep")
	set.Int64Var(&s.CacheBytes, "cache-bytes", 64<<20, "how much memory they may take")
	set.DurationVar(&s.DrainDelay, "drain-delay", 0, "how long to serve on after health says NOT_SERVING")
	set.DurationVar(&s.DrainGrace, "drain-grace", 10*time.Second, "how long calls may take to end after that")
	s.ExtAuthz.flags(set)
	set.BoolVar(&s.PrintsTheVersion, "version", false, "print the version")
	set.Usage = func() { usage(set) }
	return set
}

// Parse reads arguments, and the environment for those that are not given. flag.ErrHelp says that the help was
// printed.
func Parse(arguments []string, environment func(string) (string, bool), output io.Writer) (*Settings, error) {
	s := &Settings{}
	set := s.flags(output)
	if err := fill(set, environment); err != nil {
		return nil, err
	}
	if err := set.Parse(arguments); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("found %q: there are flags alone, and the command healthcheck", set.Arg(0))
	}
	if s.PrintsTheVersion {
		return s, nil
	}
	return s, s.finish()
}

func fill(set *flag.FlagSet, environment func(string) (string, bool)) (err error) {
	set.VisitAll(func(one *flag.Flag) {
		name := Prefix + strings.ToUpper(strings.ReplaceAll(one.Name, "-", "_"))
		value, ok := environment(name)
		if !ok || err != nil {
			return
		}
		if set.Set(one.Name, value) != nil {
			err = fmt.Errorf("%s: found %q, which is no value of --%s", name, value, one.Name)
		}
	})
	return err
}

// finish reads what stands in words, and looks at what goes together.
func (s *Settings) finish() error {
	mode, err := strconv.ParseUint(s.socketMode, 8, 9)
	if err != nil {
		return fmt.Errorf("--socket-mode: found %q, allowed is an octal mode such as 0660", s.socketMode)
	}
	s.SocketMode = fs.FileMode(mode)
	s.AnonymousNames = list(s.anonymousNames)
	isLocal := listening.IsLocal(s.Listen)
	if s.anonymous == "" && isLocal {
		s.anonymous = string(callers.Validate) + "," + string(callers.Watch)
	}
	for _, name := range list(s.anonymous) {
		group := callers.Group(name)
		if !slices.Contains([]callers.Group{callers.Validate, callers.Watch}, group) {
			return fmt.Errorf("--anonymous: found %q, allowed are validate, watch and none", name)
		}
		s.Anonymous = append(s.Anonymous, group)
	}
	if err := s.ExtAuthz.finish(); err != nil {
		return err
	}
	return s.check(isLocal)
}

func (s *Settings) check(isLocal bool) error {
	switch {
	case s.Servers == "":
		return errors.New("--servers is missing: say where the servers are")
	case s.KeyFile != "" && s.TokenFile != "":
		return errors.New("--key-file and --token-file: only one of them can show who the agent is")
	case (s.CertFile == "") != (s.CertKey == ""):
		return errors.New("--cert-file and --cert-key-file are given together or not at all")
	case (s.TLSCertFile == "") != (s.TLSKeyFile == ""):
		return errors.New("--tls-cert-file and --tls-key-file are given together or not at all")
	case s.TLSClientCAFile != "" && !s.IsTLS():
		return errors.New("--tls-client-ca-file is for callers by TLS: give --tls-cert-file and --tls-key-file")
	case !isLocal && !s.IsTLS():
		return listening.ErrInClear
	case len(s.AnonymousNames) > 0 && s.TLSClientCAFile == "":
		return errors.New("--anonymous-names are read in client certificates: give --tls-client-ca-file")
	case !isLocal && len(s.Anonymous) > 0 && len(s.AnonymousNames) == 0:
		return errors.New("--anonymous: beyond this machine only for the client certificates that " +
			"--anonymous-names gives: anybody could use the agent's rights")
	case s.MaxConnections < 1 || s.MaxWatchers < 1 || s.CacheEntries < 1 || s.CacheBytes < 1:
		return errors.New("--max-connections, --max-watchers, --cache-entries and --cache-bytes: " +
			"allowed is 1 or more")
	default:
		return nil
	}
}

func list(written string) []string {
	var all []string
	for one := range strings.SplitSeq(written, ",") {
		if one = strings.TrimSpace(one); one != "" && one != nothing {
			all = append(all, one)
		}
	}
	return all
}
