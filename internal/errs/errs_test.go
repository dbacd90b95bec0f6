package errs_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/internal/errs"
)

func TestKindAndMessage(t *testing.T) {
	taken := errs.New(errs.Conflict, "user %q exists", "ada")
	for name, tc := range map[string]struct {
		err     error
		kind    errs.Code
		message string
		text    string
	}{
		"kind":            {taken, errs.Conflict, `user "ada" exists`, `user "ada" exists`},
		"wrapped":         {fmt.Errorf("create user: %w", taken), errs.Conflict, `user "ada" exists`, `create user: user "ada" exists`},
		"twice":           {fmt.Errorf("b: %w", fmt.Errorf("a: %w", taken)), errs.Conflict, `user "ada" exists`, `b: a: user "ada" exists`},
		"plain":           {io.EOF, errs.Internal, "Internal error", "EOF"},
		"explicit":        {errs.New(errs.Internal, "disk secret"), errs.Internal, "Internal error", "disk secret"},
		"cause shown":     {errs.New(errs.Invalid, "read body: %w", io.EOF), errs.Invalid, "read body: EOF", "read body: EOF"},
		"cause hidden":    {errs.Wrap(errs.Unavailable, io.EOF, "try later"), errs.Unavailable, "try later", "try later: EOF"},
		"outermost":       {errs.Wrap(errs.NotFound, taken, "gone"), errs.NotFound, "gone", `gone: user "ada" exists`},
		"joined":          {errors.Join(io.EOF, taken), errs.Conflict, `user "ada" exists`, "EOF\nuser \"ada\" exists"},
		"percent in text": {errs.New(errs.Invalid, "%s", "100%d"), errs.Invalid, "100%d", "100%d"},
	} {
		t.Run(name, func(t *testing.T) {
			got := []string{string(errs.Kind(tc.err)), errs.Message(tc.err), tc.err.Error()}
			if diff := cmp.Diff([]string{string(tc.kind), tc.message, tc.text}, got); diff != "" {
				t.Error(diff)
			}
			if !errs.Is(tc.err, tc.kind) || errs.Is(tc.err, "other") {
				t.Error("Is disagrees with Kind")
			}
		})
	}
}

func TestNil(t *testing.T) {
	if errs.Kind(nil) != "" || errs.Message(nil) != "" || errs.Fields(nil) != nil || errs.Is(nil, errs.Internal) {
		t.Error("nil is no error")
	}
	if errs.Wrap(errs.Invalid, nil, "x") != nil {
		t.Error("wrapping nil made an error")
	}
}

func TestCausesStayReachable(t *testing.T) {
	for name, err := range map[string]error{
		"new":      errs.New(errs.Invalid, "read: %w", io.EOF),
		"new many": errs.New(errs.Invalid, "read: %w and %w", io.ErrClosedPipe, io.EOF),
		"wrap":     errs.Wrap(errs.Invalid, io.EOF, "read"),
	} {
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: cause lost", name)
		}
	}
}

func TestProblems(t *testing.T) {
	var p errs.Problems
	if err := p.Err(); err != nil {
		t.Fatalf("no problems, yet %v", err)
	}
	p.Add("name", "is empty")
	p.AddErr("roles", errs.New(errs.Invalid, "unknown role %q", "king"))
	p.AddErr("nothing", nil)
	p.AddErr("disk", io.EOF)
	var inner errs.Problems
	inner.Add("city", "is empty")
	p.AddErr("address", inner.Err())

	err := fmt.Errorf("create user: %w", p.Err())
	if errs.Kind(err) != errs.Invalid {
		t.Errorf("kind %q", errs.Kind(err))
	}
	want := []errs.Field{
		{Name: "name", Message: "is empty"},
		{Name: "roles", Message: `unknown role "king"`},
		{Name: "disk", Message: "Internal error"},
		{Name: "address.city", Message: "is empty"},
	}
	if diff := cmp.Diff(want, errs.Fields(err)); diff != "" {
		t.Error(diff)
	}
	if got, want := errs.Message(err), `name: is empty; roles: unknown role "king"; disk: Internal error; address.city: is empty`; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}
