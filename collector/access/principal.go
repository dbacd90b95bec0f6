package access

import "context"

// Kind says how a principal proved who it is.
type Kind string

// The kinds of principals.
const (
	KindAnonymous Kind = "anonymous"
	KindUser      Kind = "user"  // name and password, or a session
	KindToken     Kind = "token" // an API token
	KindAgent     Kind = "agent" // a client certificate
	KindSystem    Kind = "system"
)

// Principal is who acts.
type Principal struct {
	UserID string // of the user, also for its API tokens; the agent's id for agents; empty when anonymous
	Name   string // for people and the audit log; "user/token" for API tokens
	Roles  Roles
	Kind   Kind
	// CredentialID is the id of the session or API token in use, or empty.
	CredentialID string
	// RemoteAddr is the address the request came from, without port.
	RemoteAddr string
}

// System returns the principal of the program itself or of someone at its command line; name says which part.
func System(name string) Principal { return Principal{Name: name, Kind: KindSystem} }

// Allows reports whether p has one of the wanted roles. System may do everything.
func (p Principal) Allows(wanted ...Role) bool {
	return p.Kind == KindSystem || p.Roles.Allows(wanted...)
}

type principalKey struct{}

// With returns a context in which p acts.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, &p)
}

// From returns who acts in ctx: anonymous when nobody was put there by With, Router or its interceptors.
func From(ctx context.Context) Principal {
	if p, ok := ctx.Value(principalKey{}).(*Principal); ok {
		return *p
	}
	return Principal{Kind: KindAnonymous}
}
