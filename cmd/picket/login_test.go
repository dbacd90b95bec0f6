package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func loginFake(t *testing.T) *fake {
	return newFake(t, map[string]string{
		"POST /api/v1/login":  `{"token":"pks_one","user":{"name":"ada","roles":["operator","viewer"]}}`,
		"POST /api/v1/logout": "204 ", "GET /api/v1/status": aStatus,
	})
}

// signedOut returns a user without any credential.
func signedOut(t *testing.T, url string) (u *user, file string) {
	u = newUser(t, url)
	delete(u.env, "PICKET_TOKEN")
	return u, filepath.Join(u.env["XDG_CONFIG_HOME"], "picket", "logins.json")
}

func TestLogin(t *testing.T) {
	f := loginFake(t)
	u, file := signedOut(t, f.URL)
	u.stdin = "pass word\r\nmore\n"
	stdout, stderr := u.must("login", "--user", "ADA")
	same(t, "said", "signed in to "+f.URL+" as ada (operator, viewer)\n", stdout+stderr)
	same(t, "asked", `POST /api/v1/login {"bearer":true,"name":"ADA","password":"pass word"}`, f.requests[0])
	info, err := os.Stat(file)
	check(t, err)
	dir, err := os.Stat(filepath.Dir(file))
	check(t, err)
	same(t, "modes", []fs.FileMode{0o600, 0o700}, []fs.FileMode{info.Mode().Perm(), dir.Mode().Perm()})

	t.Run("anew ends the former session", func(t *testing.T) {
		f.requests, f.auth = nil, nil
		f.answers["POST /api/v1/login"] = `{"token":"pks_two","user":{"name":"ada","roles":["viewer"]}}`
		u.must("login", "--user", "ada")
		same(t, "asked", "POST /api/v1/logout", f.requests[1])
		same(t, "as", []string{"", "Bearer pks_one"}, f.auth)
	})
	t.Run("each URL has its own", func(t *testing.T) {
		other := loginFake(t)
		u.must("login", "--user", "ada", "--url", other.URL)
		u.must("status")
		u.must("status", "--url", other.URL)
		same(t, "as", "Bearer pks_two", f.auth[len(f.auth)-1])
		same(t, "as, at the other", "Bearer pks_one", other.auth[len(other.auth)-1])
	})
	t.Run("a refusal changes nothing", func(t *testing.T) {
		before, err := os.ReadFile(file)
		check(t, err)
		f.answers["POST /api/v1/login"] = `401 {"error":{"kind":"unauthenticated","message":"wrong user name or password"}}`
		u.fails("wrong user name or password", "login", "--user", "ada")
		after, err := os.ReadFile(file)
		check(t, err)
		same(t, "file", string(before), string(after))
	})
	t.Run("an ended session", func(t *testing.T) {
		f.answers["GET /api/v1/status"] = `401 {"error":{"kind":"unauthenticated","message":"the session has ended"}}`
		u.fails(`has ended: run "picket login --url `+f.URL+`"`, "status")
	})
}

func TestLoginOnATerminal(t *testing.T) {
	f := loginFake(t)
	u, _ := signedOut(t, f.URL)
	u.terminal, u.stdin, u.secret = true, "ada\n", "secret"
	_, stderr := u.must("login")
	if !strings.HasPrefix(stderr, "user at "+f.URL+": password of ada: \n") || strings.Contains(stderr, "secret") {
		t.Errorf("said %q", stderr)
	}
	same(t, "asked", `POST /api/v1/login {"bearer":true,"name":"ada","password":"secret"}`, f.requests[0])
	u.env["PICKET_USER"] = "bob"
	u.must("login")
	same(t, "asked for PICKET_USER", true, strings.Contains(f.requests[1], `"name":"bob"`))
}

func TestLoginWithoutInput(t *testing.T) {
	u, _ := signedOut(t, loginFake(t).URL)
	u.fails("--user", "login")
	u.fails("holds no password", "login", "--user", "ada")
	u.stdin = "\nsecond line"
	u.fails("holds no password", "login", "--user", "ada")
	u.terminal, u.stdin = true, ""
	u.fails("no user name", "login")
}

func TestLoginByLink(t *testing.T) {
	f := loginFake(t)
	f.answers["POST /api/v1/login-link"] = `{"token":"pks_one","user":{"name":"admin","roles":["admin"]}}`
	u, file := signedOut(t, f.URL)
	u.env["PICKET_URL"] = "https://elsewhere.example" // the link counts
	stdout, stderr := u.must("login", "--link", f.URL+"/sign-in#link=pkl_abc")
	same(t, "said", "signed in to "+f.URL+" as admin (admin)\n", stdout+stderr)
	same(t, "asked", `POST /api/v1/login-link {"bearer":true,"secret":"pkl_abc"}`, f.requests[0])
	delete(u.env, "PICKET_URL")
	u.must("status", "--url", f.URL)
	same(t, "as", "Bearer pks_one", f.auth[len(f.auth)-1])

	u.stdin = f.URL + "/sign-in#link=pkl_def\n"
	u.must("login", "--link", "-")
	if !slices.Contains(f.requests, `POST /api/v1/login-link {"bearer":true,"secret":"pkl_def"}`) {
		t.Errorf("asked %q", f.requests)
	}

	before, err := os.ReadFile(file)
	check(t, err)
	f.answers["POST /api/v1/login-link"] = `401 {"error":{"kind":"unauthenticated","message":"this link was used or is too old"}}`
	u.fails("this link was used or is too old", "login", "--link", f.URL+"/sign-in#link=pkl_abc")
	u.fails("looks like", "login", "--link", f.URL)
	u.fails("looks like", "login", "--link", "pkl_abc")
	u.fails("leave out --url", "login", "--url", f.URL, "--link", f.URL+"/sign-in#link=pkl_abc")
	u.fails("plain HTTP to another host", "login", "--link", "http://192.0.2.1:4600/sign-in#link=pkl_abc")
	u.fails("none of the others can be", "login", "--user", "ada", "--link", f.URL+"/sign-in#link=pkl_abc")
	u.stdin = ""
	u.fails("looks like", "login", "--link", "-")
	after, err := os.ReadFile(file)
	check(t, err)
	same(t, "logins", string(before), string(after))
}

func TestLogout(t *testing.T) {
	f := loginFake(t)
	u, file := signedOut(t, f.URL)
	_, stderr := u.must("logout")
	same(t, "without a login", "there is no login to "+f.URL+"\n", stderr)
	u.stdin = "secret"
	u.must("login", "--user", "ada")
	_, stderr = u.must("logout")
	same(t, "said", "signed out of "+f.URL+"\n", stderr)
	same(t, "as", "Bearer pks_one", f.auth[len(f.auth)-1])
	u.fails("not signed in", "status")

	u.must("login", "--user", "ada")
	f.answers["POST /api/v1/logout"] = `401 {"error":{"kind":"unauthenticated","message":"the session has ended"}}`
	u.must("logout") // what has ended need not be ended

	u.must("login", "--user", "ada")
	f.Close()
	u.fails("forgotten here", "logout")
	raw, err := os.ReadFile(file)
	check(t, err)
	same(t, "file", "{}\n", string(raw))
}

func TestLoginsFile(t *testing.T) {
	f := loginFake(t)
	u, file := signedOut(t, f.URL)
	u.stdin = "secret"
	u.must("login", "--user", "ada")
	check(t, os.Chmod(file, 0o640))
	u.fails("chmod 600 "+file, "status")
	check(t, os.Chmod(file, 0o600))
	check(t, os.WriteFile(file, []byte("{"), 0o600))
	u.fails("is damaged", "status")
	u.fails("is damaged", "login", "--user", "ada")
	check(t, os.Remove(file))
	u.must("login", "--user", "ada")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".logins-*"))
	if len(left) > 0 || err != nil {
		t.Errorf("left over: %v, %v", left, err)
	}
	// A folder that cannot be written must not look like a login.
	check(t, os.RemoveAll(filepath.Dir(file)))
	check(t, os.WriteFile(filepath.Dir(file), nil, 0o600))
	if _, _, err := u.run("login", "--user", "ada"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("login into a file: %v", err)
	}
}
