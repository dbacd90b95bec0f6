package fleet

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func openCA(t *testing.T, dir string) *CA {
	t.Helper()
	ca, err := OpenCA(dir, CAOptions{Logger: Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestCAIsMadeOnceAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	first := openCA(t, dir)
	if second := openCA(t, dir); second.Pin() != first.Pin() {
		t.Error("the second opening has another authority")
	}
	for name, want := range map[string]os.FileMode{"": 0o700, caFile: 0o600, caKeyFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q is %o, want %o", name, got, want)
		}
	}
	if left := time.Until(first.cert.NotAfter); left < 9*365*24*time.Hour {
		t.Errorf("the authority ends in %s", left)
	}
}

func TestCAIsTheSameForAllWhoRace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	pins := make([][sha256.Size]byte, 8)
	var wg sync.WaitGroup
	for i := range pins {
		wg.Go(func() {
			ca, err := OpenCA(dir, CAOptions{Logger: Logger(t)})
			if err != nil {
				t.Error(err)
				return
			}
			pins[i] = ca.Pin()
		})
	}
	wg.Wait()
	for _, p := range pins[1:] {
		if p != pins[0] {
			t.Fatal("two authorities were made")
		}
	}
}

func TestCAAfterACrashBetweenKeyAndCertificate(t *testing.T) {
	dir := t.TempDir()
	key, err := newKeyFile(filepath.Join(dir, caKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if ca := openCA(t, dir); !key.PublicKey.Equal(ca.cert.PublicKey) {
		t.Error("the key that was there is not used")
	}
}

func TestCAIsNeverReplaced(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"key lost":        {func(t *testing.T, dir string) { remove(t, dir, caKeyFile) }, "restore ca.key from a backup"},
		"another key":     {func(t *testing.T, dir string) { remove(t, dir, caKeyFile); freshKey(t, dir) }, "do not belong together"},
		"no PEM":          {func(t *testing.T, dir string) { overwrite(t, dir, caFile, "hello") }, "exactly one PEM block"},
		"broken key":      {func(t *testing.T, dir string) { overwrite(t, dir, caKeyFile, "") }, "exactly one PEM block"},
		"key for cert":    {func(t *testing.T, dir string) { copyFile(t, dir, caKeyFile, caFile) }, "exactly one PEM block"},
		"two certificate": {func(t *testing.T, dir string) { double(t, dir, caFile) }, "exactly one PEM block"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			openCA(t, dir)
			tc.spoil(t, dir)
			_, err := OpenCA(dir, CAOptions{Logger: Logger(t)})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one about %q", err, tc.want)
			}
		})
	}
}

func TestServerCertificateIsReplacedAtTwoThirds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, err := OpenCA(t.TempDir(), CAOptions{Logger: Logger(t), ServerLife: 90 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		get := func() *tls.Certificate {
			c, err := ca.ServerTLS().GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		first := get()
		time.Sleep(60*time.Hour - time.Second)
		if get() != first {
			t.Error("the certificate was replaced before two thirds of its life")
		}
		time.Sleep(time.Second)
		second := get()
		if second == first {
			t.Fatal("the certificate was not replaced at two thirds of its life")
		}
		leaf, err := x509.ParseCertificate(second.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: ca.pool, DNSName: ServerName, CurrentTime: time.Now()}); err != nil {
			t.Error(err)
		}
		if len(second.Certificate) != 2 || sha256.Sum256(ca.cert.RawSubjectPublicKeyInfo) != ca.Pin() {
			t.Error("the authority does not come with the chain")
		}
	})
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func freshKey(t *testing.T, dir string) {
	t.Helper()
	if _, err := newKeyFile(filepath.Join(dir, caKeyFile)); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func copyFile(t *testing.T, dir, from, to string) {
	t.Helper()
	overwrite(t, dir, to, read(t, dir, from))
}

func double(t *testing.T, dir, name string) {
	t.Helper()
	overwrite(t, dir, name, strings.Repeat(read(t, dir, name), 2))
}
