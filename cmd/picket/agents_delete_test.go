package main

import (
	"strings"
	"testing"
)

func TestAgentsDelete(t *testing.T) {
	const asked = "DELETE /api/v1/agents/rack%2F7"
	for name, tc := range map[string]struct {
		terminal bool
		answer   string
		args     []string
		done     bool
	}{
		"a program":           {false, "", nil, true},
		"a person says yes":   {true, "y\n", nil, true},
		"a person says no":    {true, "\n", nil, false},
		"a person said --yes": {true, "", []string{"--yes"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, map[string]string{asked: "204 "})
			u := newUser(t, f.URL)
			u.terminal, u.stdin = tc.terminal, tc.answer
			args := append([]string{"agents", "delete", "rack/7"}, tc.args...)
			if !tc.done {
				u.fails("nothing was done", args...)
				same(t, "requests", 0, len(f.requests))
				return
			}
			_, stderr := u.must(args...)
			same(t, "requests", []string{asked}, f.requests)
			if !strings.HasSuffix(stderr, "deleted agent rack/7\n") {
				t.Errorf("said %q", stderr)
			}
		})
	}
	f := newFake(t, map[string]string{
		"DELETE /api/v1/agents/web1": `409 {"error":{"kind":"conflict","message":"agent web1 is not revoked: only an agent that is shut out can be deleted, so revoke it first"}}`,
	})
	newUser(t, f.URL).fails("revoke it first", "agents", "delete", "web1")
}
