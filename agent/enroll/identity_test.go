package enroll

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestDamagedIdentitiesAreNotLoaded(t *testing.T) {
	c := newCollector(t, nil)
	_, dir := c.enrolled(t)
	other, _ := newCollector(t, nil).enrolled(t)
	good, err := os.ReadFile(filepath.Join(dir, identityFolder, identityFile))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := other.cur.Load().encode()
	if err != nil {
		t.Fatal(err)
	}
	var foreign identityJSON
	if err := json.Unmarshal(raw, &foreign); err != nil {
		t.Fatal(err)
	}
	edit := func(f func(*identityJSON)) func([]byte) []byte {
		return func(b []byte) []byte {
			var j identityJSON
			if err := json.Unmarshal(b, &j); err != nil {
				t.Fatal(err)
			}
			f(&j)
			out, err := json.Marshal(j)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	for name, tc := range map[string]struct {
		spoil func([]byte) []byte
		want  string
	}{
		"empty":         {func([]byte) []byte { return nil }, "parse"},
		"half":          {func(b []byte) []byte { return b[:len(b)/2] }, "parse"},
		"twice":         {func(b []byte) []byte { return append(b, b...) }, "more than one"},
		"unknown field": {func(b []byte) []byte { return []byte(strings.Replace(string(b), "{", `{"x":1,`, 1)) }, "unknown field"},
		"version":       {edit(func(j *identityJSON) { j.Version = 2 }), "version 2"},
		"other key":     {edit(func(j *identityJSON) { j.Key = foreign.Key }), "not for the key"},
		"other CA":      {edit(func(j *identityJSON) { j.CA = foreign.CA }), "not signed by the CA"},
		"other id":      {edit(func(j *identityJSON) { j.AgentID = strings.Repeat("f", 32) }), "the certificate is for agent"},
		"no key":        {edit(func(j *identityJSON) { j.Key = "" }), "parse key"},
		"certificate?":  {edit(func(j *identityJSON) { j.Certificate = j.Key }), "parse certificate"},
		"two keys":      {edit(func(j *identityJSON) { j.Key += j.Key }), "parse key"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := writePrivate(filepath.Join(dir, identityFolder, identityFile), tc.spoil(append([]byte(nil), good...))); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one about %q", err, tc.want)
			}
		})
	}
}

func TestOpenIdentityIsClosedToOthers(t *testing.T) {
	if !hasModes {
		t.Skip("no file modes here")
	}
	_, dir := newCollector(t, nil).enrolled(t)
	path := filepath.Join(dir, identityFolder, identityFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

func TestIdentityIsWholeAtAnyTime(t *testing.T) {
	c := newCollector(t, nil)
	i, dir := c.enrolled(t)
	r, err := NewRenewer(RenewerOptions{Identity: i, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := Load(dir); err != nil {
				t.Errorf("in between: %v", err)
				return
			}
		}
	})
	for range 20 {
		if err := r.Renew(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	if left, err := os.ReadDir(filepath.Join(dir, identityFolder)); err != nil || len(left) != 1 {
		t.Errorf("files %v, error %v, want one", left, err)
	}
}

func TestIdentityThatCannotBeWrittenIsNotUsed(t *testing.T) {
	c := newCollector(t, nil)
	i, dir := c.enrolled(t)
	former := i.NotAfter()
	// A folder in the file's place: the rename fails.
	path := filepath.Join(dir, identityFolder, identityFile)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.life = 30 * time.Minute
	c.mu.Unlock()
	r, err := NewRenewer(RenewerOptions{Identity: i, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Renew(t.Context()); err == nil || !strings.Contains(err.Error(), "write identity") {
		t.Errorf("error %v", err)
	}
	if !i.NotAfter().Equal(former) {
		t.Error("a certificate is used that the disk does not have")
	}
	if left, err := os.ReadDir(filepath.Join(dir, identityFolder)); err != nil || len(left) != 1 {
		t.Errorf("files %v, error %v: a key was left behind", left, err)
	}
}

func FuzzDecodeIdentity(f *testing.F) {
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"agent_id":"a","ca":"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := decodeIdentity(raw); err == nil && (c.key == nil || c.cert == nil || c.ca == nil) {
			t.Error("half an identity")
		}
	})
}
