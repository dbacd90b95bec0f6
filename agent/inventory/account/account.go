// Package account reads the users and groups of the host from its passwd and group files: names and numbers go out, passwords and
// their hashes are never looked at. It knows no directory services.
package account

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

const every = 2 * time.Minute

// User is an account of the host.
type User struct {
	Name  string `json:"name"`
	UID   uint32 `json:"uid"`
	GID   uint32 `json:"gid"`
	Full  string `json:"full_name,omitempty"`
	Home  string `json:"home,omitempty"`
	Shell string `json:"shell,omitempty"`
	Login bool   `json:"login"` // the shell is one
}

// Group is a group of the host.
type Group struct {
	Name    string   `json:"name"`
	GID     uint32   `json:"gid"`
	Members []string `json:"members,omitempty"`
}

// Sources returns the kinds user and group.
func Sources(t inventory.Trees) []inventory.Source {
	passwd, group := t.InRoot("etc/passwd"), t.InRoot("etc/group")
	return []inventory.Source{
		{Kind: "user", Every: every, Stamp: inventory.Stamps(passwd), Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
			return items("user", passwd, parseUsers, func(u User) string { return u.Name })
		}},
		{Kind: "group", Every: every, Stamp: inventory.Stamps(group), Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
			return items("group", group, parseGroups, func(g Group) string { return g.Name })
		}},
	}
}

func items[T any](class, path string, parse func([]byte) []T, key func(T) string) ([]inventory.Item, []checks.Gap, error) {
	raw, err := inventory.ReadFile(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &checks.Gap{Reason: "the host has no " + path, Cause: checks.ErrNoData}
	}
	if err != nil {
		return nil, nil, err
	}
	all := parse(raw)
	if len(all) == 0 {
		return nil, nil, errors.New(path + " names nobody")
	}
	out, err := inventory.Collect(class, all, key)
	return out, nil, err
}

// parseUsers reads passwd(5); lines that are none are passed over.
func parseUsers(raw []byte) []User {
	var out []User
	for line := range bytes.Lines(raw) {
		f := strings.Split(strings.TrimRight(string(line), "\r\n"), ":")
		if len(f) < 7 || f[0] == "" || strings.HasPrefix(f[0], "#") {
			continue
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		full, _, _ := strings.Cut(f[4], ",") // rooms and telephones are nobody's business
		out = append(out, User{f[0], uint32(uid), uint32(gid), full, f[5], f[6], isLogin(f[6])})
	}
	return out
}

func isLogin(shell string) bool {
	name := shell[strings.LastIndexByte(shell, '/')+1:]
	return name != "nologin" && name != "false" && name != "sync" && name != "halt" && name != "shutdown"
}

// parseGroups reads group(5); lines that are none are passed over.
func parseGroups(raw []byte) []Group {
	var out []Group
	for line := range bytes.Lines(raw) {
		f := strings.Split(strings.TrimRight(string(line), "\r\n"), ":")
		if len(f) < 4 || f[0] == "" || strings.HasPrefix(f[0], "#") {
			continue
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		g := Group{Name: f[0], GID: uint32(gid)}
		for m := range strings.SplitSeq(f[3], ",") {
			if m != "" {
				g.Members = append(g.Members, m)
			}
		}
		out = append(out, g)
	}
	return out
}

// Names knows users by their numbers. It is safe for concurrent use.
type Names struct {
	path  string
	stamp func() string

	mu    sync.Mutex
	last  string
	names map[uint32]string
}

// NewNames returns the names of the host's users.
func NewNames(t inventory.Trees) *Names {
	path := t.InRoot("etc/passwd")
	return &Names{path: path, stamp: inventory.Stamps(path)}
}

// Name returns the name of a user, or the number when there is none.
func (n *Names) Name(uid uint32) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.stamp(); n.names == nil || s != n.last {
		n.last, n.names = s, map[uint32]string{}
		if raw, err := inventory.ReadFile(n.path, 0); err == nil {
			for _, u := range parseUsers(raw) {
				if _, twice := n.names[u.UID]; !twice {
					n.names[u.UID] = u.Name
				}
			}
		}
	}
	if name, ok := n.names[uid]; ok {
		return name
	}
	return strconv.FormatUint(uint64(uid), 10)
}
