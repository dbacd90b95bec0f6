package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Failed logins per minute, and how many keys are remembered for it.
const (
	failuresPerUser = 10
	failuresPerAddr = 30
	limitedKeys     = 10_000
)

// GuardOptions are what a Guard needs.
type GuardOptions struct {
	// Store and Logger are required.
	Store  *Store
	Logger *slog.Logger
	// TrustedProxies are the reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; none by default.
	TrustedProxies []netip.Prefix
}

// Guard finds out who sends a request. It is safe for concurrent use; Run must run beside it.
type Guard struct {
	store    *Store
	logger   *slog.Logger
	proxies  []netip.Prefix
	verified *verified
	users    *limiter
	addrs    *limiter
	touches  *touches
}

// NewGuard returns a Guard.
func NewGuard(o GuardOptions) (*Guard, error) {
	if o.Store == nil || o.Logger == nil {
		return nil, errors.New("access: GuardOptions.Store or GuardOptions.Logger is missing")
	}
	return &Guard{
		store:    o.Store,
		logger:   o.Logger.With("component", "access"),
		proxies:  o.TrustedProxies,
		verified: newVerified(),
		users:    newLimiter(failuresPerUser, limitedKeys),
		addrs:    newLimiter(failuresPerAddr, limitedKeys),
		touches:  newTouches(),
	}, nil
}

// Authenticate returns the principal of the request; without credentials it is anonymous. Errors: Unauthenticated, TooMany
// (see RetryAfter), Unavailable.
func (g *Guard) Authenticate(r *http.Request) (Principal, error) {
	p, _, err := g.authenticate(r, true)
	return p, err
}

// Recheck is Authenticate for a request that lasts, to find out whether it still may. It is no use of a token or session, so it
// prolongs none.
func (g *Guard) Recheck(r *http.Request) (Principal, error) {
	p, _, err := g.authenticate(r, false)
	return p, err
}

func (g *Guard) authenticate(r *http.Request, use bool) (Principal, scheme, error) {
	addr := g.RemoteAddr(r)
	c, err := credentialOf(r)
	if err != nil {
		g.store.metrics.failures.WithLabelValues(failedHeader).Inc()
		return Principal{}, c.scheme, err
	}
	p := Principal{Kind: KindAnonymous}
	switch c.scheme {
	case schemeBasic:
		var row userRow
		if row, err = g.checkPassword(r.Context(), c.name, c.password, addr); err == nil {
			p = Principal{UserID: row.ID, Name: row.Name, Roles: row.Roles, Kind: KindUser}
		}
	case schemeBearer, schemeCookie:
		p, err = g.checkSecret(r.Context(), c, use)
	}
	p.RemoteAddr = addr
	return p, c.scheme, err
}

// Login checks name and password and starts a session, whose secret goes into the cookie (SetCookie) or a Bearer header.
// Errors: Unauthenticated, TooMany (see RetryAfter), Unavailable.
func (g *Guard) Login(r *http.Request, name, password string) (secret string, _ Session, err error) {
	addr := g.RemoteAddr(r)
	row, err := g.checkPassword(r.Context(), name, password, addr)
	if err != nil {
		return "", Session{}, err
	}
	ctx := With(r.Context(), Principal{UserID: row.ID, Name: row.Name, Roles: row.Roles, Kind: KindUser, RemoteAddr: addr})
	return g.store.createSession(ctx, row, newSession{remoteAddr: addr, userAgent: r.UserAgent()})
}

// Logout ends the session that authenticated ctx; other credentials have nothing to end.
func (g *Guard) Logout(ctx context.Context) error {
	p := From(ctx)
	if p.Kind != KindUser || p.CredentialID == "" {
		return nil
	}
	err := g.store.EndSession(ctx, p.CredentialID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// ChangePassword sets a new password for the user who acts in ctx, who must know the present one; failures count as failed
// logins. It ends all sessions of the user. Errors: as Login and Store.SetPassword, Denied for anyone but a user.
func (g *Guard) ChangePassword(ctx context.Context, present, next string) error {
	p := From(ctx)
	if p.Kind != KindUser {
		return errs.New(errs.Denied, "only a user who logged in can change its password")
	}
	user, err := g.store.User(ctx, p.UserID)
	if err != nil {
		return err
	}
	if _, err := g.checkPassword(ctx, user.Name, present, p.RemoteAddr); err != nil {
		return err
	}
	return g.store.SetPassword(ctx, p.UserID, next)
}

// checkPassword returns the user with the name and password.
func (g *Guard) checkPassword(ctx context.Context, name, password, addr string) (userRow, error) {
	key := g.verified.keyOf(name, password)
	if row, ok, err := g.remembered(ctx, key); ok || err != nil {
		return row, err
	}
	if err := g.limited(name, addr, (*limiter).wait); err != nil {
		return userRow{}, err
	}
	hasher := g.store.hasher
	if err := hasher.acquire(ctx); err != nil {
		return userRow{}, err
	}
	defer hasher.release()
	// While we waited another request may have paid for the same check.
	if row, ok, err := g.remembered(ctx, key); ok || err != nil {
		return row, err
	}
	row, err := g.store.userRowByName(ctx, name)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return userRow{}, err
	}
	if err := g.limited(name, addr, (*limiter).take); err != nil {
		return userRow{}, err
	}
	hash, parseErr := hasher.dummy, error(nil)
	if err == nil {
		hash, parseErr = parsePasswordHash(row.PasswordHash)
	}
	if parseErr != nil {
		return userRow{}, fmt.Errorf("check password of user %s: %w", row.ID, parseErr)
	}
	right := len(password) <= MaxPasswordBytes && hash.matches(password)
	if !right || err != nil || row.Disabled {
		g.store.metrics.failures.WithLabelValues(failedPassword).Inc()
		g.logger.Warn("login refused", "user", db.Text(name[:min(len(name), maxNameBytes)]), "remote_addr", addr, "known", err == nil, "disabled", row.Disabled)
		return userRow{}, errs.New(errs.Unauthenticated, "wrong user name or password")
	}
	now := time.Now()
	g.users.restore(userKey(name), now)
	g.addrs.restore(addrKey(addr), now)
	g.verified.put(key, verifiedEntry{userID: row.ID, passwordHash: row.PasswordHash}, now)
	return row, nil
}

// remembered returns the user whose password was found right a short while ago, if it still is.
func (g *Guard) remembered(ctx context.Context, key verifyKey) (userRow, bool, error) {
	e, ok := g.verified.get(key, time.Now())
	if !ok {
		return userRow{}, false, nil
	}
	row, err := g.store.lookups.userByID(ctx, e.userID)
	if err != nil && !db.IsNoRows(err) {
		return userRow{}, false, fmt.Errorf("look up user: %w", err)
	}
	if err != nil || row.Disabled || row.PasswordHash != e.passwordHash {
		g.verified.drop(key)
		return userRow{}, false, nil
	}
	return row, true, nil
}

func (g *Guard) limited(name, addr string, ask func(*limiter, string, time.Time) time.Duration) error {
	// The address first: one that is blocked must not drain the bucket of the user it guesses at.
	if err := g.limitedAddr(addr, ask); err != nil {
		return err
	}
	return g.tooMany(ask(g.users, userKey(name), time.Now()))
}

func (g *Guard) limitedAddr(addr string, ask func(*limiter, string, time.Time) time.Duration) error {
	return g.tooMany(ask(g.addrs, addrKey(addr), time.Now()))
}

// tooMany returns the refusal of an attempt that has to wait, nil when it has not.
func (g *Guard) tooMany(after time.Duration) error {
	if after == 0 {
		return nil
	}
	g.store.metrics.failures.WithLabelValues(failedLimited).Inc()
	return &limitedError{error: errs.New(errs.TooMany, "too many failed logins, try again in %s", after.Round(time.Second)), after: after}
}

// userKey folds names like the database does and keeps keys short.
func userKey(name string) string {
	if len(name) > maxNameBytes {
		return "" // no user has such a name
	}
	return strings.ToLower(name)
}

// limitedError carries when to try again.
type limitedError struct {
	error
	after time.Duration
}

func (e *limitedError) Unwrap() error { return e.error }

// RetryAfter returns how long to wait before trying again, if err says so.
func RetryAfter(err error) (time.Duration, bool) {
	if e, ok := errors.AsType[*limitedError](err); ok {
		return e.after, true
	}
	return 0, false
}

// RemoteAddr returns the address the request came from, without port: the connection's, or the last one named in
// X-Forwarded-For that is not itself a trusted proxy.
func (g *Guard) RemoteAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !g.trusted(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop := strings.TrimSpace(hop)
		if _, err := netip.ParseAddr(hop); err != nil {
			return host
		}
		if host = hop; !g.trusted(host) {
			return host
		}
	}
	return host
}

func (g *Guard) trusted(addr string) bool {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return false
	}
	for _, p := range g.proxies {
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

// secure reports whether the request came over TLS, to us or to a trusted proxy.
func (g *Guard) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return g.trusted(host) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// SetCookie puts a session's secret into the answer's cookie.
func (g *Guard) SetCookie(w http.ResponseWriter, r *http.Request, secret string, s Session) {
	g.cookie(w, r, secret, int(time.Until(s.CreatedAt.Add(SessionMax)).Seconds()))
}

// ClearCookie removes the cookie.
func (g *Guard) ClearCookie(w http.ResponseWriter, r *http.Request) { g.cookie(w, r, "", -1) }

func (g *Guard) cookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: SessionCookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: g.secure(r), SameSite: http.SameSiteLaxMode,
	})
}
