package access

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/picketmon/picket/internal/errs"
)

// ErrorWriter writes an error as the answer with the status. It shows users no more than errs.Message(err).
type ErrorWriter func(w http.ResponseWriter, r *http.Request, status int, err error)

// WriteError answers with err in the form of the route that w belongs to, with the status of its kind, and logs it when it
// is internal. Handlers use it for every error.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	status := Status(err)
	x := exchangeOf(w)
	if status == http.StatusUnauthorized {
		challenge(w.Header(), r)
	}
	if after, ok := RetryAfter(err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	if x == nil {
		JSONErrors(w, r, status, err)
		return
	}
	if status == http.StatusInternalServerError {
		x.table.logger.Error("request went wrong", "route", x.name(), "err", err)
	}
	x.errorWriter()(w, r, status, err)
}

// exchangeOf finds the exchange below w, or nil.
func exchangeOf(w http.ResponseWriter) *exchange {
	for {
		switch v := w.(type) {
		case *exchange:
			return v
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return nil
		}
	}
}

// challenge says how to authenticate. Scripts of pages are not offered Basic, or browsers would ask for a password.
func challenge(h http.Header, r *http.Request) {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode == "" || mode == "navigate" {
		h.Add("WWW-Authenticate", `Basic realm="Picket", charset="UTF-8"`)
	}
	h.Add("WWW-Authenticate", `Bearer realm="Picket"`)
}

// Status returns the HTTP status for err.
func Status(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	switch errs.Kind(err) {
	case errs.Invalid:
		return http.StatusBadRequest
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Denied:
		return http.StatusForbidden
	case errs.TooMany:
		return http.StatusTooManyRequests
	case errs.TooLarge:
		return http.StatusRequestEntityTooLarge
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return statusClientGone
	}
	return http.StatusInternalServerError
}

// GRPCCode returns the gRPC code for err.
func GRPCCode(err error) codes.Code {
	switch Status(err) {
	case http.StatusBadRequest:
		return codes.InvalidArgument
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusConflict:
		return codes.AlreadyExists
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		return codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	case statusClientGone:
		return codes.Canceled
	}
	return codes.Internal
}

// JSONErrors writes {"error":{"kind":…,"message":…,"fields":[…]}}, the form of our own API.
func JSONErrors(w http.ResponseWriter, _ *http.Request, status int, err error) {
	type problem struct {
		Kind    errs.Code    `json:"kind"`
		Message string       `json:"message"`
		Fields  []errs.Field `json:"fields,omitempty"`
	}
	kind, message := describe(status, err)
	writeJSON(w, status, struct {
		Error problem `json:"error"`
	}{problem{kind, message, errs.Fields(err)}})
}

// PrometheusErrors writes {"status":"error","errorType":…,"error":…}, as Prometheus' API does.
func PrometheusErrors(w http.ResponseWriter, _ *http.Request, status int, err error) {
	kind, message := describe(status, err)
	errorType := string(kind)
	switch kind {
	case errs.Invalid, errs.TooLarge:
		errorType = "bad_data"
	case errs.Unauthenticated:
		errorType = "unauthorized"
	case errs.Denied:
		errorType = "forbidden"
	}
	writeJSON(w, status, struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
	}{"error", errorType, message})
}

// describe adds kinds and texts for the errors of net/http and context, which have none of ours.
func describe(status int, err error) (errs.Code, string) {
	if kind := errs.Kind(err); kind != errs.Internal {
		return kind, errs.Message(err)
	}
	switch status {
	case http.StatusRequestEntityTooLarge:
		if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return errs.TooLarge, "the request body is larger than " + strconv.FormatInt(e.Limit, 10) + " bytes"
		}
		return errs.TooLarge, "the request is too large"
	case http.StatusServiceUnavailable, statusClientGone:
		return errs.Unavailable, "the request took too long"
	}
	return errs.Internal, errs.Message(err)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		b, status = []byte(`{"error":{"kind":"internal","message":"Internal error"}}`), http.StatusInternalServerError
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client went away: nobody left to tell
}
