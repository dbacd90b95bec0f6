package systemd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// patience is how long the bus may take for one run when the run's context has no deadline.
const patience = 5 * time.Second

// bus is a client of the D-Bus system bus that can do what this check needs: call methods with string arguments, many at a
// time, and read the replies as they come in, without keeping a message in memory. It has no goroutine of its own, and is
// for one goroutine at a time. A general library would decode a list of units into thousands of strings each cycle.
type bus struct {
	conn   net.Conn
	out    []byte // calls that are not sent yet
	serial uint32
	in     decoder
}

// busError is an error that the other side replied with; the connection is in order.
type busError struct {
	name string
}

// Error implements error.
func (e *busError) Error() string { return "bus replies " + e.name }

// dial connects to the socket at path and says who we are.
func dial(ctx context.Context, path string) (*bus, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	b := &bus{conn: conn, in: decoder{r: bufio.NewReaderSize(conn, 4096)}}
	stop := b.limit(ctx)
	defer stop()
	if err := b.hello(); err != nil {
		_ = conn.Close() // why the greeting went wrong matters more
		return nil, fmt.Errorf("greet %s: %w", path, err)
	}
	return b, nil
}

// limit makes reads and writes end with ctx, until stop is called.
func (b *bus) limit(ctx context.Context) (stop func() bool) {
	var deadline time.Time // none: the context ends it
	if _, ok := ctx.Deadline(); !ok {
		deadline = time.Now().Add(patience)
	}
	_ = b.conn.SetDeadline(deadline) // fails on a closed connection only, which the next read tells
	return context.AfterFunc(ctx, func() { _ = b.conn.SetDeadline(time.Unix(1, 0)) })
}

func (b *bus) hello() error {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if _, err := b.conn.Write([]byte("\x00AUTH EXTERNAL " + uid + "\r\n")); err != nil {
		return err
	}
	line, err := b.in.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("OK ")) {
		return fmt.Errorf("bus answers %.60q", line)
	}
	if _, err := b.conn.Write([]byte("BEGIN\r\n")); err != nil {
		return err
	}
	b.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")
	if err := b.send(); err != nil {
		return err
	}
	_, err = b.reply()
	return err
}

func (b *bus) close() error { return b.conn.Close() }

// The protocol's numbers.
const (
	typeCall, typeReturn, typeError = 1, 2, 3
	noAutoStart                     = 2

	fieldPath, fieldInterface, fieldMember, fieldErrorName = 1, 2, 3, 4
	fieldReplySerial, fieldDestination, fieldSignature     = 5, 6, 8
)

// call queues a method call and returns its serial.
func (b *bus) call(destination, path, iface, member string, args ...string) uint32 {
	b.serial++
	m := message{buf: b.out, start: len(b.out)}
	m.buf = append(m.buf, 'l', typeCall, noAutoStart, 1)
	m.uint32(0) // length of the body, filled in below
	m.uint32(b.serial)
	m.uint32(0) // length of the fields, filled in below
	m.field(fieldPath, 'o', path)
	m.field(fieldDestination, 's', destination)
	m.field(fieldInterface, 's', iface)
	m.field(fieldMember, 's', member)
	if len(args) > 0 {
		m.signature(len(args))
	}
	binary.LittleEndian.PutUint32(m.buf[m.start+12:], uint32(len(m.buf)-m.start-16))
	m.align(8)
	body := len(m.buf)
	for _, a := range args {
		m.string(a)
	}
	binary.LittleEndian.PutUint32(m.buf[m.start+4:], uint32(len(m.buf)-body))
	b.out = m.buf
	return b.serial
}

// send writes the queued calls.
func (b *bus) send() error {
	_, err := b.conn.Write(b.out)
	b.out = b.out[:0]
	return err
}

// reply reads the next reply and returns the serial of the call that it answers; its body can then be read from b.in. An
// error reply is a *busError. Messages that are no replies are passed over.
func (b *bus) reply() (uint32, error) {
	for {
		kind, err := b.in.next()
		if err != nil {
			return 0, err
		}
		switch kind {
		case typeReturn:
			return b.in.replySerial, nil
		case typeError:
			return b.in.replySerial, &busError{name: string(b.in.errorName)}
		}
	}
}

// fatal reports whether err means that the connection cannot be used any more.
func fatal(err error) bool {
	var refused *busError
	return err != nil && !errors.As(err, &refused)
}

// message is a message being written; start is where it begins in buf.
type message struct {
	buf   []byte
	start int
}

func (m *message) align(n int) {
	for (len(m.buf)-m.start)%n != 0 {
		m.buf = append(m.buf, 0)
	}
}

func (m *message) uint32(v uint32) {
	m.align(4)
	m.buf = binary.LittleEndian.AppendUint32(m.buf, v)
}

func (m *message) string(s string) {
	m.uint32(uint32(len(s)))
	m.buf = append(append(m.buf, s...), 0)
}

func (m *message) field(code, kind byte, value string) {
	m.align(8)
	m.buf = append(m.buf, code, 1, kind, 0)
	m.string(value)
}

// signature writes that the body is n strings.
func (m *message) signature(n int) {
	m.align(8)
	m.buf = append(m.buf, fieldSignature, 1, 'g', 0, byte(n))
	for range n {
		m.buf = append(m.buf, 's')
	}
	m.buf = append(m.buf, 0)
}
