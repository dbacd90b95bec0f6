package account

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/picketmon/picket/agent/inventory"
)

func TestNamesFollowTheFile(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "etc/passwd")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	n := NewNames(inventory.Trees{Root: root})
	for _, tc := range []struct{ text, want string }{{"bob:x:7:7:::\n", "bob"}, {"robert:x:7:7:::\ntoor:x:7:7:::\n", "robert"}, {"", "7"}} {
		if err := os.WriteFile(path, []byte(tc.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := n.Name(7); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.text, got, tc.want)
		}
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/bash\nadm:x:4:bob,a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, u := range parseUsers(b) {
			if u.Name == "" {
				t.Errorf("%+v", u)
			}
		}
		parseGroups(b)
	})
}
