package access

import (
	"slices"
	"strings"

	"github.com/picketmon/picket/internal/errs"
)

// Role is what a principal may be and what a route asks for.
type Role string

// The roles of users and API tokens. Admin implies all of them; Operator, ServiceDesk and CheckAuthor imply Viewer.
const (
	Viewer      Role = "viewer"
	Operator    Role = "operator"
	ServiceDesk Role = "service_desk"
	CheckAuthor Role = "check_author"
	Admin       Role = "admin"
)

// What routes can ask for beside roles of users.
const (
	// Public asks for nothing: HTTP only, alone.
	Public Role = "public"
	// Agent asks for an agent's client certificate: gRPC only.
	Agent Role = "agent"
	// Token asks for nothing here; the method itself checks the enrolment secret: gRPC only.
	Token Role = "token"
)

var userRoles = []Role{Admin, CheckAuthor, Operator, ServiceDesk, Viewer}

// UserRoles returns the roles a user can have, ascending.
func UserRoles() []Role { return slices.Clone(userRoles) }

// Roles are the roles of a principal.
type Roles []Role

// Allows reports whether the roles contain or imply at least one of wanted.
func (rs Roles) Allows(wanted ...Role) bool {
	for _, w := range wanted {
		for _, r := range rs {
			if r.implies(w) {
				return true
			}
		}
	}
	return false
}

// Within returns those of rs that limit contains or implies.
func (rs Roles) Within(limit Roles) Roles {
	out := make(Roles, 0, len(rs))
	for _, r := range rs {
		if limit.Allows(r) {
			out = append(out, r)
		}
	}
	return out
}

func (r Role) implies(w Role) bool {
	if !slices.Contains(userRoles, w) {
		return false
	}
	switch r {
	case Admin:
		return true
	case Operator, ServiceDesk, CheckAuthor:
		return w == r || w == Viewer
	case Viewer:
		return w == Viewer
	}
	return false
}

// normal returns rs sorted and without doubles, or an error that names what is no role of a user.
func (rs Roles) normal() (Roles, error) {
	if len(rs) == 0 {
		return nil, errs.New(errs.Invalid, "at least one role is needed: %s", roleList())
	}
	for _, r := range rs {
		if !slices.Contains(userRoles, r) {
			return nil, errs.New(errs.Invalid, "unknown role %q: there are %s", r, roleList())
		}
	}
	out := slices.Clone(rs)
	slices.Sort(out)
	return slices.Compact(out), nil
}

func roleList() string {
	names := make([]string, len(userRoles))
	for i, r := range userRoles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}
