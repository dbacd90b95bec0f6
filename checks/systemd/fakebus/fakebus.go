// Package fakebus is a system bus with a systemd on it, for tests. Clients connect to its socket, greet it and call the
// methods that monitoring needs; it answers from a list of units. Its messages are written by a D-Bus library of somebody
// else, so that a client which only understands itself is found out.
package fakebus

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Unit is a unit of the fake systemd.
type Unit struct {
	Name, Load, Active string
	Props              map[string]any // by interface and property: "Timer.LastTriggerUSec"
}

// Bus is the fake. Set its fields before a client connects or while holding Lock.
type Bus struct {
	sync.Mutex
	Order   binary.ByteOrder // of the replies
	Units   []Unit
	Manager map[string]any // properties of the manager
	Error   string         // when set, every call to systemd is answered with this error
	Silent  bool           // calls to systemd are not answered

	Path   string // of the socket
	Calls  []string
	places map[string]int // index into Units by path
	conns  map[net.Conn]bool
	done   sync.WaitGroup
}

// Start returns a bus that listens until the test ends.
func Start(t testing.TB) *Bus {
	t.Helper()
	b := &Bus{
		Order: binary.LittleEndian, Path: filepath.Join(t.TempDir(), "bus"), conns: make(map[net.Conn]bool),
		Manager: map[string]any{"Version": "252.22-1~deb12u1", "SystemState": "running"},
	}
	l, err := net.Listen("unix", b.Path)
	if err != nil {
		t.Fatal(err)
	}
	b.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.Lock()
			b.conns[c] = true
			b.Unlock()
			b.done.Go(func() { b.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		b.Hangup()
		b.done.Wait()
	})
	return b
}

// Hangup ends all connections.
func (b *Bus) Hangup() {
	b.Lock()
	defer b.Unlock()
	for c := range b.conns {
		_ = c.Close()
	}
}

func (b *Bus) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		b.Lock()
		delete(b.conns, c)
		b.Unlock()
	}()
	in := bufio.NewReader(c)
	if !greet(c, in) {
		return
	}
	for serial := uint32(1); ; serial++ {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if reply := b.answer(call); reply != nil && !b.write(c, reply, serial) {
			return
		}
	}
}

// greet speaks the server's part of the authentication.
func greet(c net.Conn, in *bufio.Reader) bool {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		reply := "ERROR\r\n"
		switch line = strings.TrimLeft(strings.TrimSpace(line), "\x00"); {
		case line == "BEGIN":
			return true
		case line == "AUTH":
			reply = "REJECTED EXTERNAL\r\n"
		case strings.HasPrefix(line, "AUTH EXTERNAL"):
			reply = "OK 0123456789abcdef0123456789abcdef\r\n"
		}
		if _, err := c.Write([]byte(reply)); err != nil {
			return false
		}
	}
}

// write sends a signal that nobody asked for, then the reply.
func (b *Bus) write(c net.Conn, reply *dbus.Message, serial uint32) bool {
	b.Lock()
	order := b.Order
	b.Unlock()
	signal := &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath("/org/freedesktop/systemd1")),
		dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.systemd1.Manager"),
		dbus.FieldMember:    dbus.MakeVariant("Reloading"),
		dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(true)),
	}, Body: []any{true}}
	for _, m := range []*dbus.Message{signal, reply} {
		var buf bytes.Buffer
		if err := m.EncodeTo(&buf, order); err != nil {
			return false
		}
		order.PutUint32(buf.Bytes()[8:], serial)
		if _, err := c.Write(buf.Bytes()); err != nil {
			return false
		}
	}
	return true
}

func text(v dbus.Variant) string {
	switch s := v.Value().(type) {
	case string:
		return s
	case dbus.ObjectPath:
		return string(s)
	}
	return ""
}

func (b *Bus) answer(call *dbus.Message) *dbus.Message {
	b.Lock()
	defer b.Unlock()
	member, path := text(call.Headers[dbus.FieldMember]), text(call.Headers[dbus.FieldPath])
	b.Calls = append(b.Calls, member)
	reply := func(kind dbus.Type, body ...any) *dbus.Message {
		m := &dbus.Message{Type: kind, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()),
			dbus.FieldSender:      dbus.MakeVariant("org.freedesktop.systemd1"),
		}}
		if len(body) > 0 {
			m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
		}
		return m
	}
	fail := func(name string) *dbus.Message {
		m := reply(dbus.TypeError, "it is so")
		m.Headers[dbus.FieldErrorName] = dbus.MakeVariant(name)
		return m
	}
	switch {
	case member == "Hello":
		return reply(dbus.TypeMethodReply, ":1.7")
	case b.Silent:
		return nil
	case b.Error != "":
		return fail(b.Error)
	case member == "ListUnits":
		return reply(dbus.TypeMethodReply, b.list())
	case member == "Get":
		if v, ok := b.property(path, call.Body); ok {
			return reply(dbus.TypeMethodReply, dbus.MakeVariant(v))
		}
		return fail("org.freedesktop.DBus.Error.UnknownProperty")
	}
	return fail("org.freedesktop.DBus.Error.UnknownMethod")
}

type entry struct {
	Name, Description, Load, Active, Sub, Followed string
	Path                                           dbus.ObjectPath
	Job                                            uint32
	JobType                                        string
	JobPath                                        dbus.ObjectPath
}

func (b *Bus) list() []entry {
	list := []entry{}
	b.places = make(map[string]int)
	for i, u := range b.Units {
		b.places[string(unitPath(u.Name))] = i
		list = append(list, entry{
			u.Name, "Description " + strings.Repeat("x", i%7), u.Load, u.Active, "sub", "",
			unitPath(u.Name), uint32(i), "", "/",
		})
	}
	return list
}

func (b *Bus) property(path string, args []any) (any, bool) {
	if len(args) != 2 {
		return nil, false
	}
	iface, _ := args[0].(string)
	name, _ := args[1].(string)
	iface = iface[strings.LastIndex(iface, ".")+1:]
	if iface == "Manager" {
		v, ok := b.Manager[name]
		return v, ok
	}
	i, ok := b.places[path]
	if !ok || i >= len(b.Units) {
		return nil, false
	}
	v, ok := b.Units[i].Props[iface+"."+name]
	return v, ok
}

// unitPath escapes a unit's name as systemd does.
func unitPath(name string) dbus.ObjectPath {
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteString("/org/freedesktop/systemd1/unit/")
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || i > 0 && '0' <= c && c <= '9' {
			b.WriteByte(c)
		} else {
			b.WriteString("_" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return dbus.ObjectPath(b.String())
}

// Sample is a set of units of every kind that matters.
func Sample() []Unit {
	return []Unit{
		{"ssh.service", "loaded", "active", map[string]any{"Service.Type": "notify"}},
		{"cron.service", "loaded", "inactive", map[string]any{"Service.Type": "simple"}},
		{"broken@1-x.service", "loaded", "failed", map[string]any{"Service.Type": "oneshot"}},
		{"starting.service", "loaded", "activating", map[string]any{"Service.Type": "exec"}},
		{"stopping.service", "loaded", "deactivating", nil},
		{"reloading.service", "loaded", "reloading", map[string]any{"Service.Type": "notify-reload"}},
		{"missing.service", "not-found", "inactive", nil},
		{"data.mount", "loaded", "failed", map[string]any{"Mount.Type": "ext4"}},
		{"apt-daily.timer", "loaded", "active", map[string]any{"Timer.LastTriggerUSec": uint64(1_700_000_000_123_456)}},
		{"never.timer", "loaded", "active", map[string]any{"Timer.LastTriggerUSec": uint64(0)}},
		{"odd.timer", "loaded", "active", map[string]any{"Timer.LastTriggerUSec": "tomorrow"}},
		{"dbus.socket", "loaded", "active", map[string]any{
			"Socket.NAccepted": uint32(3), "Socket.NConnections": uint32(2), "Socket.NRefused": uint32(1),
		}},
		{"old.socket", "loaded", "active", map[string]any{"Socket.NAccepted": uint32(4), "Socket.NConnections": uint32(0)}},
		{"multi-user.target", "loaded", "active", nil},
		{"system.slice", "loaded", "active", nil},
		{"cups.path", "loaded", "active", nil},
	}
}
