package access

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/picketmon/picket/internal/errs"
)

// SessionCookie is the name of the cookie that holds a session's secret.
const SessionCookie = "picket_session"

// credential is what a request offers as proof of who sends it.
type credential struct {
	scheme         scheme
	name, password string // schemeBasic
	secret         string // schemeBearer, schemeCookie
}

type scheme uint8

const (
	schemeNone scheme = iota
	schemeBasic
	schemeBearer
	schemeCookie
)

// credentialOf returns the request's credential. An Authorization header counts more than a cookie.
func credentialOf(r *http.Request) (credential, error) {
	switch headers := r.Header["Authorization"]; len(headers) {
	case 0:
	case 1:
		return parseAuthorization(headers[0])
	default:
		return credential{}, errs.New(errs.Unauthenticated, "more than one Authorization header")
	}
	if c, err := r.Cookie(SessionCookie); err == nil && c.Value != "" {
		return credential{scheme: schemeCookie, secret: c.Value}, nil
	}
	return credential{}, nil
}

// parseAuthorization parses the value of an Authorization header: Basic with name and password, or Bearer with the secret of
// an API token or session.
func parseAuthorization(header string) (credential, error) {
	name, value, _ := strings.Cut(header, " ")
	value = strings.Trim(value, " ")
	switch {
	case strings.EqualFold(name, "Bearer"):
		if value == "" || strings.ContainsAny(value, " \t") {
			return credential{}, errs.New(errs.Unauthenticated, "the Authorization header holds no Bearer token")
		}
		return credential{scheme: schemeBearer, secret: value}, nil
	case strings.EqualFold(name, "Basic"):
		raw, err := base64.StdEncoding.DecodeString(value)
		user, password, ok := strings.Cut(string(raw), ":")
		if err != nil || !ok {
			return credential{}, errs.New(errs.Unauthenticated, "the Authorization header holds no Basic name and password")
		}
		return credential{scheme: schemeBasic, name: user, password: password}, nil
	}
	return credential{}, errs.New(errs.Unauthenticated, "the Authorization header is neither Basic nor Bearer")
}
