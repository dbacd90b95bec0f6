// Package errs gives errors a kind that HTTP and gRPC answers are made of, and a text that may be shown to users. Errors are
// made where the kind is known, wrapped with %w on their way up, and mapped to a status once, at the door (collector/access).
// An error without a kind is internal: users see "Internal error", the log sees all of it. The package knows no transport.
package errs

import (
	"errors"
	"fmt"
	"strings"
)

// Code is the kind of an error, as shown to users in answers.
type Code string

// The kinds. Internal is the kind of every error that was not made here.
const (
	Internal        Code = "internal"
	Invalid         Code = "invalid"         // the request is wrong and will stay wrong
	NotFound        Code = "not_found"       // the thing does not exist
	Conflict        Code = "conflict"        // the thing exists already, or changed meanwhile
	Unauthenticated Code = "unauthenticated" // nobody, or not who they say they are
	Denied          Code = "denied"          // known, but not allowed
	TooMany         Code = "too_many"        // a limit of this caller; later it may work
	TooLarge        Code = "too_large"       // the request breaks a size limit
	Unavailable     Code = "unavailable"     // a passing fault here; later it may work
)

const internalMessage = "Internal error"

// Error is an error with a kind. Make it with New, Wrap or Problems.
type Error struct {
	code    Code
	message string
	fields  []Field
	cause   error
	inside  bool // the message already holds the cause's text
}

// Field is one problem with one named part of a request.
type Field struct {
	Name    string `json:"field"`
	Message string `json:"message"`
}

// New returns an error of kind code. The text may be shown to users, and so may the text of a cause named with %w.
func New(code Code, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{code: code, message: err.Error(), cause: unwrap(err), inside: true}
}

// Wrap gives cause a kind and a text for users; the text of cause is for the log only. It returns nil when cause is nil.
func Wrap(code Code, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{code: code, message: fmt.Sprintf(format, args...), cause: cause}
}

// Error returns the whole text, causes included: for logs.
func (e *Error) Error() string {
	if e.cause == nil || e.inside {
		return e.message
	}
	return e.message + ": " + e.cause.Error()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Kind returns the kind of the outermost error in err's chain that has one, Internal when none has, and "" for nil.
func Kind(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.code
	}
	return Internal
}

// Is reports whether err is of kind code.
func Is(err error, code Code) bool { return err != nil && Kind(err) == code }

// Message returns what a user may read about err: the text given to New, Wrap or Problems without what callers wrapped
// around it, "Internal error" for internal errors, and "" for nil.
func Message(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.code != Internal {
		return e.message
	}
	return internalMessage
}

// Fields returns the single problems of an error made by Problems, or nil.
func Fields(err error) []Field {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.fields
	}
	return nil
}

// Problems collects what is wrong with a request, so that its sender learns everything at once. The zero value is ready.
type Problems struct {
	fields []Field
}

// Add notes a problem with the named field.
func (p *Problems) Add(field, format string, args ...any) {
	p.fields = append(p.fields, Field{Name: field, Message: fmt.Sprintf(format, args...)})
}

// AddErr notes err's message under the named field; nil adds nothing. Problems inside err keep their own names below field.
func (p *Problems) AddErr(field string, err error) {
	if err == nil {
		return
	}
	inner := Fields(err)
	if len(inner) == 0 {
		p.Add(field, "%s", Message(err))
		return
	}
	for _, f := range inner {
		p.Add(field+"."+f.Name, "%s", f.Message)
	}
}

// Err returns nil without problems, else one error of kind Invalid that names them all.
func (p *Problems) Err() error {
	if len(p.fields) == 0 {
		return nil
	}
	parts := make([]string, len(p.fields))
	for i, f := range p.fields {
		parts[i] = f.Name + ": " + f.Message
	}
	return &Error{code: Invalid, message: strings.Join(parts, "; "), fields: p.fields}
}

func unwrap(err error) error {
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		return u.Unwrap()
	case interface{ Unwrap() []error }:
		return errors.Join(u.Unwrap()...)
	}
	return nil
}
