package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goList returns `go list -json` of the patterns, one value per package.
func goList(t *testing.T, env []string, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Dir,Module,Standard"}, args...)...)
	cmd.Dir, cmd.Env = "..", append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

type listed struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct{ Path, Version, Dir string }
}

const module = "github.com/picketmon/picket"

// The agent is a guest on its host: it carries no time-series database, no SQL and no web code.
func TestTheAgentStaysSmall(t *testing.T) {
	forbidden := []string{
		"github.com/prometheus/prometheus", "database/sql", "modernc.org/", "github.com/jackc/pgx", "github.com/uptrace/bun",
		"github.com/danielgtaylor/huma", module + "/collector", module + "/web", "html/template", "os/exec",
	}
	for _, goos := range []string{"linux", "windows", "darwin"} {
		if goos != "linux" {
			forbidden = slices.DeleteFunc(forbidden, func(s string) bool { return s == "os/exec" }) // gopsutil asks programs there
		}
		for _, p := range goList(t, []string{"GOOS=" + goos, "CGO_ENABLED=0"}, "-tags", "grpcnotrace", "-deps", "./cmd/picket-agent") {
			for _, f := range forbidden {
				// database/sql/driver alone is a few interfaces that other modules mention.
				if p.ImportPath == f || strings.HasPrefix(p.ImportPath, strings.TrimSuffix(f, "/")+"/") && f != "database/sql" {
					t.Errorf("on %s the agent links %s", goos, p.ImportPath)
				}
			}
		}
	}
}

// The portable subset builds for the systems we say it does.
func TestTheAgentBuildsElsewhere(t *testing.T) {
	for _, target := range []string{"windows/amd64", "darwin/arm64", "linux/arm64"} {
		t.Run(target, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(target, "/")
			cmd := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, "./cmd/picket-agent")
			cmd.Dir, cmd.Env = "..", append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// Every package says what it is, what flows in and out, and what it does not do.
func TestEveryPackageHasADoc(t *testing.T) {
	for _, p := range goList(t, nil, "./...") {
		if strings.Contains(p.ImportPath, "/proto/gen/") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		best := ""
		for _, f := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Errorf("%s: %v", f, err)
				continue
			}
			if doc := parsed.Doc.Text(); len(doc) > len(best) {
				best = doc
			}
		}
		if len(best) < 40 {
			t.Errorf("package %s has no doc comment that says what it is (%q)", p.ImportPath, best)
		}
	}
}

// Files stay short enough to be read at once.
func TestFilesStayShort(t *testing.T) {
	const most = 400
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "gen" || d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "var") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		raw, err := os.ReadFile(path)
		if n := bytes.Count(raw, []byte("\n")); n > most {
			t.Errorf("%s has %d lines, %d are the limit", path, n, most)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// licences maps a phrase of a licence's text to its name; these are the ones that Picket may link.
var licences = []struct{ name, phrase string }{
	{"MPL-2.0", "Mozilla Public License"},
	{"Apache-2.0", "Apache License"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software"},
	{"ISC", "Permission to use, copy, modify, and distribute this software"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD", "Redistribution and use in source and binary forms"},
	{"Unlicense", "This is free and unencumbered software released into the public domain"},
}

// What is linked into the binaries has a licence that allows it.
func TestLicences(t *testing.T) {
	count := map[string]int{}
	seen := map[string]bool{}
	for _, p := range goList(t, nil, "-deps", "./cmd/...") {
		if p.Standard || p.Module == nil || p.Module.Path == module || seen[p.Module.Path] {
			continue
		}
		seen[p.Module.Path] = true
		name, err := licenceOf(p.Module.Dir)
		if err != nil {
			t.Errorf("module %s: %v", p.Module.Path, err)
			continue
		}
		count[name]++
	}
	t.Logf("%d modules: %v", len(seen), count)
}

func licenceOf(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "UNLICENSE") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		text := strings.Join(strings.Fields(string(raw)), " ")
		if strings.Contains(text, "GNU AFFERO GENERAL PUBLIC LICENSE") || strings.Contains(text, "GNU GENERAL PUBLIC LICENSE") {
			return "", fmt.Errorf("%s is a GNU licence", e.Name())
		}
		for _, l := range licences {
			if strings.Contains(text, l.phrase) {
				return l.name, nil
			}
		}
	}
	return "", fmt.Errorf("no known licence in %s", dir)
}
