package main

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// command is a line of standard input; each has some of the members.
type command struct {
	ID     int
	Do     string
	Client string

	Target          json.RawMessage
	Key             *string
	KeyFile         string `json:"key_file"`
	TLS             *files
	Insecure        bool
	Timeout         *float64
	ProviderTimeout *float64 `json:"provider_timeout"`
	Cache           json.RawMessage
	Batching        *bool

	Token       string
	Tokens      []string
	Policy      policy
	Certificate string `json:"certificate_sha256"`
	DPoP        *sessiond.DPoP
	Consistency json.RawMessage
	Claims      json.RawMessage

	Subject      string
	ClientID     string `json:"client_id"`
	TenantID     string `json:"tenant_id"`
	Audiences    []string
	Scopes       []string
	AuthTime     float64 `json:"auth_time"`
	ACR          string
	AMR          []string
	Issuer       string
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Code         string
	RedirectURI  string `json:"redirect_uri"`
	CodeVerifier string `json:"code_verifier"`
	Nonce        string
	Device       device
	Attributes   map[string]string

	Cause     string
	Note      string
	SessionID string `json:"session_id"`
	PageSize  int32  `json:"page_size"`

	Routes             []rule
	Protects           *rule
	Browser            *cookies
	Cookie             string
	TrustedOrigins     []string `json:"trusted_origins"`
	AllowMissingOrigin bool     `json:"allow_missing_origin"`
	DPoPOrigin         string   `json:"dpop_origin"`
	Methods            map[string]rule
	Others             *rule

	Of      int
	Seconds float64
	Clock   string
}

type files struct {
	Authorities string
	Certificate string
	PrivateKey  string `json:"private_key"`
	ServerName  string `json:"server_name"`
}

type cookies struct {
	Development bool
	Split       bool
	RefreshPath string `json:"refresh_path"`
}

type device struct {
	IPAddress string `json:"ip_address"`
	UserAgent string `json:"user_agent"`
	Label     string
}

type policy struct {
	Issuers     []string
	Audiences   []string
	Scopes      []string
	Permissions []string
	Claims      map[string][]string
	MaxAuthAge  *float64 `json:"max_auth_age"`
	ACRValues   []string `json:"acr_values"`
}

// options are those of a new client.
func (c *command) options() []sessiond.ClientOption {
	var options []sessiond.ClientOption
	add := func(isGiven bool, option sessiond.ClientOption) {
		if isGiven {
			options = append(options, option)
		}
	}
	if c.Key != nil {
		add(true, sessiond.WithKey(*c.Key))
	}
	if c.TLS != nil {
		add(true, sessiond.WithTLSFiles(sessiond.TLSFiles(*c.TLS)))
	}
	if c.Timeout != nil {
		add(true, sessiond.WithTimeout(seconds(*c.Timeout)))
	}
	if c.ProviderTimeout != nil {
		add(true, sessiond.WithProviderTimeout(seconds(*c.ProviderTimeout)))
	}
	add(c.KeyFile != "", sessiond.WithKeyFile(c.KeyFile))
	add(c.Insecure, sessiond.WithInsecure())
	add(c.Batching != nil && !*c.Batching, sessiond.WithoutBatching())
	if string(c.Cache) == "false" {
		return append(options, sessiond.WithoutCache())
	}
	var bounds struct {
		MaxEntries int `json:"max_entries"`
	}
	read(c.Cache, &bounds)
	return append(options, sessiond.WithCache(sessiond.Cache{MaxEntries: bounds.MaxEntries}))
}

func (c *command) policy() *sessiond.Policy {
	p := c.Policy
	required := sessiond.Policy{
		Issuers: p.Issuers, Audiences: p.Audiences, Scopes: p.Scopes, Permissions: p.Permissions,
		Claims: p.Claims, ACRValues: p.ACRValues,
	}
	if p.MaxAuthAge != nil {
		required.MaxAuthAge = max(time.Nanosecond, seconds(*p.MaxAuthAge)) // zero would require nothing
	}
	return sessiond.Require(required)
}

// validation is what goes with a question.
func (c *command) validation() []sessiond.Option {
	var options []sessiond.Option
	if c.Timeout != nil {
		options = append(options, sessiond.Timeout(seconds(*c.Timeout)))
	}
	if proof := c.proof(); proof != nil {
		options = append(options, proof)
	}
	var name string
	var exact struct {
		AtLeast string `json:"at_least"`
	}
	switch {
	case len(c.Consistency) == 0:
	case c.Consistency[0] == '{':
		read(c.Consistency, &exact)
		options = append(options, sessiond.AtLeast(exact.AtLeast))
	default:
		read(c.Consistency, &name)
		known := map[string]sessiond.Consistency{
			"cached": sessiond.Cached, "server": sessiond.Server, "strict": sessiond.Strict,
		}
		options = append(options, known[name])
	}
	return options
}

func (c *command) call() []sessiond.CallOption {
	if c.Timeout == nil {
		return nil
	}
	return []sessiond.CallOption{sessiond.Timeout(seconds(*c.Timeout))}
}

func (c *command) proof() sessiond.Proof {
	if c.DPoP != nil {
		return *c.DPoP
	}
	if c.Certificate == "" {
		return nil
	}
	var certificate sessiond.Certificate
	if _, err := hex.Decode(certificate[:], []byte(c.Certificate)); err != nil {
		panic(err)
	}
	return certificate
}

func (c *command) login() sessiond.Login {
	return sessiond.Login{Device: sessiond.Device(c.Device), Attributes: c.Attributes, Proof: c.proof()}
}

// read reads what the runner has checked.
func read(raw json.RawMessage, into any) {
	if len(raw) == 0 {
		return
	}
	if err := json.Unmarshal(raw, into); err != nil {
		panic(err)
	}
}
