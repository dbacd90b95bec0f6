package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/internal/errs"
)

// failure carries a handler's error through huma, which would make an ErrorModel of its own from any other.
type failure struct{ err error }

// Error implements error.
func (f *failure) Error() string { return f.err.Error() }

// GetStatus implements huma.StatusError. The status that is sent is access's.
func (f *failure) GetStatus() int { return access.Status(f.err) }

// keepError is the transformer that takes errors out of huma's hands: handlers' as they are, huma's own in our kinds. It
// spares us huma.NewError, which is one for the whole program.
func keepError(ctx huma.Context, _ string, v any) (any, error) {
	x, ok := ctx.(*exchange)
	if !ok {
		return v, nil
	}
	switch e := v.(type) {
	case *failure:
		x.err = e.err
	case *huma.ErrorModel:
		x.err = refusal(e)
	}
	return v, nil
}

// refusal turns what huma finds wrong with a request into one error that names every problem. Values stay out of it: they
// can be passwords.
func refusal(m *huma.ErrorModel) error {
	if m.Status == http.StatusUnsupportedMediaType {
		return errs.New(errs.Invalid, "the request body must be application/json")
	}
	problems := items(m.Errors, problemOf)
	// Unknown fields come in any order.
	slices.SortStableFunc(problems, func(a, b failureField) int { return cmp.Compare(a.Field, b.Field) })
	var p errs.Problems
	for _, one := range problems {
		p.Add(one.Field, "%s", one.Message)
	}
	if err := p.Err(); err != nil {
		return err
	}
	return errs.New(errs.Invalid, "%s", m.Detail)
}

// problemOf names the field or parameter as the client does.
func problemOf(e *huma.ErrorDetail) failureField {
	where, message := e.Location, e.Message
	if rest, ok := strings.CutPrefix(message, "expected required property "); ok {
		if name, ok := strings.CutSuffix(rest, " to be present"); ok {
			where, message = where+"."+name, "is required"
		}
	}
	for _, part := range []string{"body.", "query.", "path.", "header."} {
		if name, ok := strings.CutPrefix(where, part); ok {
			where = name
			break
		}
	}
	return failureField{Field: where, Message: message}
}

// failureBody is the form of every error, written by access.JSONErrors.
type failureBody struct {
	Error failureDetail `json:"error"`
}

type failureDetail struct {
	Kind    string         `json:"kind" enum:"invalid,not_found,conflict,unauthenticated,denied,too_many,too_large,unavailable,internal"`
	Message string         `json:"message" doc:"For people"`
	Fields  []failureField `json:"fields,omitempty" nullable:"false" doc:"What is wrong with which field or parameter"`
}

type failureField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}
