package enroll

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	uuid      = "4c4c4544-0042-3510-8052-b4c04f4e3832"
	machineID = "0123456789abcdef0123456789abcdef"
	mac       = "52:54:00:12:34:56"
)

// machine is a folder tree as Linux shows a host; missing files cannot be read.
type machine map[string]string

// newMachine is a server with firmware UUID, machine-id and one network card.
func newMachine() machine {
	return machine{
		"sys/class/dmi/id/product_uuid":             uuid + "\n",
		"etc/machine-id":                            machineID + "\n",
		"sys/class/net/lo/address":                  "00:00:00:00:00:00\n",
		"sys/class/net/eth0/address":                mac + "\n",
		"sys/class/net/eth0/addr_assign_type":       "0\n",
		"sys/class/net/eth0/device/vendor":          "0x1af4\n",
		"sys/class/net/docker0/address":             "02:42:00:00:00:01\n",
		"sys/class/net/docker0/addr_assign_type":    "3\n",
		"sys/class/net/bond0/address":               "aa:aa:aa:aa:aa:aa\n",
		"sys/class/net/eth1/address":                "52:54:00:99:99:99\n",
		"sys/class/net/eth1/device/vendor":          "0x1af4\n",
		"sys/class/net/eth1/addr_assign_type":       "0\n",
		"sys/class/net/aaa-random/address":          "11:22:33:44:55:66\n",
		"sys/class/net/aaa-random/device/vendor":    "0x1af4\n",
		"sys/class/net/aaa-random/addr_assign_type": "1\n",
	}
}

// with returns m with other contents of some files; "" removes one.
func (m machine) with(changes machine) machine {
	c := machine{}
	maps.Copy(c, m)
	for path, text := range changes {
		c[path] = text
		if text == "" {
			delete(c, path)
		}
	}
	return c
}

func (m machine) look(t *testing.T, o HostOptions) Evidence {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("reads Linux files")
	}
	o.Root, o.Version = t.TempDir(), "1.0.0"
	for path, text := range m {
		path = filepath.Join(o.Root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h, err := ThisHost(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Proto(); err != nil {
		t.Fatal(err)
	}
	return h.Evidence
}

// as is the identity of an agent that enrolled with this evidence.
func as(e Evidence) *Identity {
	i := &Identity{}
	i.cur.Store(&credential{host: e})
	return i
}

var (
	noUUID    = machine{"sys/class/dmi/id/product_uuid": ""}
	noMachine = machine{"etc/machine-id": ""}
)

func TestFingerprintSource(t *testing.T) {
	m := newMachine()
	for name, tc := range map[string]struct {
		machine machine
		id      string
		source  string
		value   string
	}{
		"firmware":        {m, "", sourceDMI, uuid},
		"upper case":      {m.with(machine{"sys/class/dmi/id/product_uuid": "4C4C4544-0042-3510-8052-B4C04F4E3832"}), "", sourceDMI, uuid},
		"unreadable":      {m.with(noUUID), "", sourceMachineID, machineID + " " + mac},
		"zeros":           {m.with(machine{"sys/class/dmi/id/product_uuid": "00000000-0000-0000-0000-000000000000"}), "", sourceMachineID, machineID + " " + mac},
		"effs":            {m.with(machine{"sys/class/dmi/id/product_uuid": "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"}), "", sourceMachineID, machineID + " " + mac},
		"maker's dummy":   {m.with(machine{"sys/class/dmi/id/product_uuid": "03000200-0400-0500-0006-000700080009"}), "", sourceMachineID, machineID + " " + mac},
		"no UUID":         {m.with(machine{"sys/class/dmi/id/product_uuid": "Not Settable"}), "", sourceMachineID, machineID + " " + mac},
		"first boot":      {m.with(noUUID).with(machine{"etc/machine-id": "uninitialized"}), "", sourceHostname, hostname(t) + " " + mac},
		"no machine-id":   {m.with(noUUID).with(noMachine), "", sourceHostname, hostname(t) + " " + mac},
		"dbus machine-id": {m.with(noUUID).with(noMachine).with(machine{"var/lib/dbus/machine-id": machineID}), "", sourceMachineID, machineID + " " + mac},
		"container":       {machine{"etc/machine-id": machineID, "sys/class/net/eth0/address": mac}, "", sourceMachineID, machineID + " "},
		"nothing":         {machine{}, "", sourceHostname, hostname(t) + " "},
		"random card only": {machine{
			"etc/machine-id": machineID, "sys/class/net/w/address": "11:22:33:44:55:66", "sys/class/net/w/device/vendor": "x",
		}, "", sourceMachineID, machineID + " 11:22:33:44:55:66"},
		"operator's word": {m, " node-7 ", sourceOption, "node-7"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.machine.look(t, HostOptions{HostID: tc.id})
			if got.Source != tc.source || got.Fingerprint != digest(tc.source, tc.value) {
				t.Errorf("fingerprint from %s %s, want the digest of %s %q", got.Source, got.Fingerprint, tc.source, tc.value)
			}
		})
	}
}

func hostname(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFingerprintOfAnEnrolledAgent(t *testing.T) {
	m := newMachine()
	otherUUID := machine{"sys/class/dmi/id/product_uuid": "11111111-2222-3333-4444-555555555555"}
	otherMAC := machine{"sys/class/net/eth0/address": "52:54:00:00:00:00"}
	for name, tc := range map[string]struct {
		then, now machine
		thenID    string
		nowID     string
		same      bool
	}{
		"nothing changed":                  {m, m, "", "", true},
		"root first, then not":             {m, m.with(noUUID), "", "", true},
		"not root first, then root":        {m.with(noUUID), m, "", "", true},
		"clone":                            {m, m.with(otherUUID), "", "", false},
		"clone with new card":              {m, m.with(otherUUID).with(otherMAC), "", "", false},
		"clone, unprivileged all along":    {m.with(noUUID), m.with(noUUID).with(otherMAC), "", "", false},
		"clone, then unprivileged":         {m, m.with(noUUID).with(otherMAC), "", "", false},
		"new card, firmware says the same": {m, m.with(otherMAC), "", "", true},
		"reinstalled system":               {m, m.with(machine{"etc/machine-id": "ffffffffffffffffffffffffffffffff"}), "", "", true},
		"nothing to compare with":          {m.with(noMachine), machine{}, "", "", true},
		"machine-id lost its card":         {m, m.with(noUUID).with(machine{"sys/class/net/eth0/address": ""}), "", "", false},
		"operator's word kept":             {m, m.with(otherUUID), "n1", "n1", true},
		"operator's word changed":          {m, m, "n1", "n2", false},
		"operator's word taken back":       {m, m, "n1", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			then := tc.then.look(t, HostOptions{HostID: tc.thenID})
			now := tc.now.look(t, HostOptions{HostID: tc.nowID, Identity: as(then)})
			if same := then.Fingerprint == now.Fingerprint; same != tc.same {
				t.Errorf("then %s, now %s: same %t, want %t", then.Source, now.Source, same, tc.same)
			}
		})
	}
}

func TestFingerprintStaysWhenPrivilegesComeAndGo(t *testing.T) {
	m := newMachine()
	e := m.look(t, HostOptions{})
	first := e.Fingerprint
	for i, now := range []machine{m.with(noUUID), m, m.with(noUUID), m} {
		// What was decided is stored again, as a renewal of the identity as a clone would.
		e = now.look(t, HostOptions{Identity: as(e)})
		if e.Fingerprint != first {
			t.Fatalf("start %d has another fingerprint, from %s", i+1, e.Source)
		}
	}
}

func TestJudgeWithoutComparison(t *testing.T) {
	former := Evidence{Source: sourceDMI, Fingerprint: "dmi", Seen: map[string]string{sourceDMI: "dmi"}}
	got, err := judge(former, map[string]string{sourceMachineID: "m"}, []string{sourceMachineID})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(former, got); diff != "" {
		t.Errorf("nothing says that this is another host:\n%s", diff)
	}
	if _, err := judge(Evidence{}, nil, nil); err == nil {
		t.Error("no error without any evidence")
	}
}

func TestRenamedHostIsTheSame(t *testing.T) {
	former := Evidence{Source: sourceDMI, Fingerprint: "d", Seen: map[string]string{sourceDMI: "d", sourceMachineID: "m", sourceHostname: "h"}}
	got, err := judge(former, map[string]string{sourceMachineID: "m", sourceHostname: "other"}, []string{sourceMachineID, sourceHostname})
	if err != nil || got.Fingerprint != "d" {
		t.Errorf("a renamed host has fingerprint %s, error %v", got.Fingerprint, err)
	}
}

func TestHostnameOfTheOperator(t *testing.T) {
	host, err := ThisHost(t.Context(), HostOptions{Hostname: "shop-web-1", HostID: "n1"})
	if err != nil || host.Hostname != "shop-web-1" {
		t.Errorf("%q, %v", host.Hostname, err)
	}
	plain, err := ThisHost(t.Context(), HostOptions{HostID: "n1"})
	if err != nil || plain.Hostname != hostname(t) || plain.Evidence.Fingerprint != host.Evidence.Fingerprint {
		t.Errorf("%+v, %v", plain, err)
	}
}

func TestDigestKeepsSourcesApart(t *testing.T) {
	if digest(sourceDMI, "x") == digest(sourceMachineID, "x") {
		t.Error("the same value from two sources is the same host")
	}
}
