package class_test

import (
	"strings"
	"testing"

	"github.com/picketmon/picket/collector/cmdb/class"
)

func load(t *testing.T, more ...string) *class.Model {
	t.Helper()
	files := class.Builtin()
	for _, text := range more {
		files = append(files, class.File{Name: "more.yaml", Text: []byte(text)})
	}
	m, err := class.Load(files...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBuiltin(t *testing.T) {
	m := load(t)
	linux, hardware := m.Class("cmdb_ci_linux_server"), m.Class("cmdb_ci_hardware")
	if linux.Rule() != hardware.Rule() || !linux.Is(hardware) || hardware.Is(linux) || linux.Depth != 4 {
		t.Errorf("linux server: rule of %s, depth %d", linux.Rule().Owner.Name, linux.Depth)
	}
	if a := linux.Attribute("name"); a == nil || !a.Required {
		t.Errorf("name of a linux server: %+v", a)
	}
	for _, c := range m.Classes() {
		if c.Rule() == nil && c.Name != "cmdb_ci" {
			t.Errorf("items of class %s cannot be identified", c.Name)
		}
		if c.Label == "" {
			t.Errorf("class %s has no label", c.Name)
		}
	}
}

// Everything that is wrong is said at once, with its line.
func TestLoadSaysAllThatIsWrong(t *testing.T) {
	_, err := class.Load(append(class.Builtin(), class.File{Name: "own.yaml", Text: []byte(`classes:
  - name: u_door
    extends: cmdb_ci_gate
  - name: u_gate
    extends: cmdb_ci
    attributes: {Width: {type: integer}, height: {type: cubit}, kind: {type: choice}}
    identification: {kind: dependent, relation: "Hangs on::Holds", entries: [{priority: 1, attributes: [colour]}]}
  - {name: u_a, extends: u_b}
  - {name: u_b, extends: u_a}
reconciliation:
  - {class: cmdb_ci_computer, source: Nobody, attributes: [names]}
`)})...)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`own.yaml:2: class u_door extends cmdb_ci_gate, which does not exist`,
		`own.yaml:4: class u_gate: attribute "Width" is no name`,
		`own.yaml:4: class u_gate: attribute "height" has type "cubit"`,
		`own.yaml:4: class u_gate: attribute "kind" has no choices`,
		`own.yaml:4: class u_gate: a dependent rule needs a relation that exists, not "Hangs on::Holds"`,
		`own.yaml:4: class u_gate: identifier entry 1 () names attribute "colour"`,
		`own.yaml:8: class u_a: the classes above it go round`,
		`own.yaml:11: source "Nobody" is not among the sources`,
		`own.yaml:11: class cmdb_ci_computer has no attribute "names"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
	_, err = class.Load(class.File{Name: "own.yaml", Text: []byte("classes:\n  - name: u_x\n    attribs: {}\n")})
	if err == nil || !strings.Contains(err.Error(), "own.yaml: line 3: field attribs not found") {
		t.Errorf("unknown field: %v", err)
	}
}

func TestCanonical(t *testing.T) {
	m := load(t)
	tests := []struct {
		class, attribute string
		value            any
		want             string
		ok, wrong        bool
	}{
		{class: "cmdb_ci", attribute: "mac_address", value: "0-A-2B-c3:4:5", want: "00:0a:2b:c3:04:05", ok: true},
		{class: "cmdb_ci", attribute: "mac_address", value: "000A2BC30405", want: "00:0a:2b:c3:04:05", ok: true},
		{class: "cmdb_ci", attribute: "mac_address", value: "n/a"},
		{class: "cmdb_ci", attribute: "ip_address", value: "2001:DB8:0::1", want: "2001:db8::1", ok: true},
		{class: "cmdb_ci", attribute: "ip_address", value: "::ffff:10.0.0.1", want: "10.0.0.1", ok: true},
		{class: "cmdb_ci", attribute: "ip_address", value: "10.0.0.300"},
		{class: "cmdb_ci_hardware", attribute: "ram", value: float64(4096), want: "4096", ok: true},
		{class: "cmdb_ci_hardware", attribute: "ram", value: "4 GB", wrong: true},
		{class: "cmdb_ci_computer", attribute: "virtual", value: "True", want: "true", ok: true},
		{class: "cmdb_ci", attribute: "install_status", value: "Retired", want: "7", ok: true},
		{class: "cmdb_ci", attribute: "install_status", value: "Lost", wrong: true},
		{class: "cmdb_ci", attribute: "install_date", value: "2026-11-22 19:30:00", want: "2026-11-22T19:30:00Z", ok: true},
		{class: "cmdb_ci", attribute: "install_date", value: "2026-11-22T20:30:00+01:00", want: "2026-11-22T19:30:00Z", ok: true},
		{class: "cmdb_ci", attribute: "name", value: nil},
		{class: "cmdb_ci", attribute: "name", value: "  "},
		{class: "cmdb_ci", attribute: "name", value: " web 1 ", want: " web 1 ", ok: true},
		{class: "cmdb_ci", attribute: "name", value: []any{"x"}, wrong: true},
		{class: "cmdb_ci", attribute: "name", value: strings.Repeat("x", 1001), wrong: true},
	}
	for _, tt := range tests {
		got, ok, err := m.Class(tt.class).Attribute(tt.attribute).Canonical(tt.value)
		if got != tt.want || ok != tt.ok || (err != nil) != tt.wrong {
			t.Errorf("%s %v = %q, %v, %v, want %q, %v", tt.attribute, tt.value, got, ok, err, tt.want, tt.ok)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	m := load(t)
	for value, want := range map[string]bool{
		"Default string": true, " TO BE FILLED BY O.E.M. ": true, "0": true, "None": true, "00000000-0000-0000-0000-000000000000": true,
		"0000": true, "VMware-42 1a": false, "CZ1234": false, "00-10": false,
	} {
		if got := m.Placeholder("serial_number", value); got != want {
			t.Errorf("serial %q is a placeholder: %v", value, got)
		}
	}
	if !m.Placeholder("mac_address", "02:42:ac:11:00:02") || m.Placeholder("mac_address", "52:54:00:12:34:56") {
		t.Error("docker's addresses identify nothing, those of virtual machines do")
	}
}

// The worked example of the reference: R1 Discovery: computer.name; R2 ServiceWatch: linux_server.name; R3 ServiceWatch: linux_server.*.
func TestAuthority(t *testing.T) {
	const (
		r1 = "reconciliation:\n  - {class: cmdb_ci_computer, source: Discovery, priority: 10, attributes: [name]}\n"
		r2 = "reconciliation:\n  - {class: cmdb_ci_linux_server, source: ServiceWatch, priority: 10, attributes: [name]}\n"
		r3 = "reconciliation:\n  - {class: cmdb_ci_linux_server, source: ServiceWatch, priority: 10}\n"
	)
	may := func(m *class.Model, c, attribute, source string) bool {
		_, ok := m.Authority(m.Class(c), attribute).Priority(source)
		return ok
	}
	tests := []struct {
		rules                            []string
		class, attribute                 string
		discovery, serviceWatch, anybody bool
	}{
		{nil, "cmdb_ci_linux_server", "name", true, true, true},
		{[]string{r1, r3}, "cmdb_ci_linux_server", "name", true, false, false},
		{[]string{r1, r3}, "cmdb_ci_linux_server", "os", false, true, false},
		{[]string{r1, r3}, "cmdb_ci_win_server", "os", true, true, true},
		{[]string{r1, r2, r3}, "cmdb_ci_linux_server", "name", false, true, false},
		{[]string{r1, r2, r3}, "cmdb_ci_win_server", "name", true, false, false},
		{[]string{r1, r2, r3}, "cmdb_ci_computer", "name", true, false, false},
	}
	for _, tt := range tests {
		m := load(t, tt.rules...)
		d, s, a := may(m, tt.class, tt.attribute, "Discovery"), may(m, tt.class, tt.attribute, "ServiceWatch"), may(m, tt.class, tt.attribute, "Import")
		if d != tt.discovery || s != tt.serviceWatch || a != tt.anybody {
			t.Errorf("%d rules, %s.%s: Discovery %v, ServiceWatch %v, others %v", len(tt.rules), tt.class, tt.attribute, d, s, a)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, b := range class.Builtin() {
		f.Add(b.Text)
	}
	f.Add([]byte("classes: [{name: x, extends: x}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, err := class.Load(class.File{Name: "f", Text: text}); err == nil && m == nil {
			t.Error("neither a model nor an error")
		}
	})
}
