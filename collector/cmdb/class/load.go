package class

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed builtin/*.yaml
var builtin embed.FS

// maxFile bounds a file in bytes, maxDepth the depth of the tree.
const (
	maxFile  = 4 << 20
	maxDepth = 20
)

// File is one file of classes and rules. Files add to one another: a class that stands in several gets the attributes of all.
type File struct {
	Name string // for messages
	Text []byte
}

// Builtin returns the files that are part of the binary.
func Builtin() []File {
	var files []File
	for _, name := range []string{"builtin/classes.yaml", "builtin/rules.yaml"} {
		text, err := builtin.ReadFile(name)
		if err != nil {
			panic("cmdb/class: " + err.Error()) // embedded
		}
		files = append(files, File{Name: name, Text: text})
	}
	return files
}

// The form of a file.
type (
	document struct {
		Classes        []classDoc          `yaml:"classes"`
		Lookups        []lookupDoc         `yaml:"lookups"`
		RelationTypes  []relationDoc       `yaml:"relation_types"`
		Sources        []sourceDoc         `yaml:"sources"`
		Placeholders   map[string][]string `yaml:"placeholders"`
		Reconciliation []reconcileDoc      `yaml:"reconciliation"`
		Refresh        []refreshDoc        `yaml:"refresh"`
		NoInsert       []insertDoc         `yaml:"no_insert"`
		Lifecycle      []lifecycleDoc      `yaml:"lifecycle"`
		Assign         []assignDoc         `yaml:"assign"`
		Reclassify     reclassifyDoc       `yaml:"reclassify"`
		MaxDuplicates  *int                `yaml:"max_duplicates"`
	}
	place struct {
		file string
		line int
	}
	classDoc struct {
		Name           string                  `yaml:"name"`
		Label          string                  `yaml:"label"`
		Extends        string                  `yaml:"extends"`
		Attributes     map[string]attributeDoc `yaml:"attributes"`
		Identification *ruleDoc                `yaml:"identification"`
		Recommended    []string                `yaml:"recommended"`
		at             place
	}
	attributeDoc struct {
		Label     string            `yaml:"label"`
		Type      Type              `yaml:"type"`
		Required  bool              `yaml:"required"`
		MaxLength int               `yaml:"max_length"`
		Choices   map[string]string `yaml:"choices"`
		To        string            `yaml:"to"`
		Default   string            `yaml:"default"`
	}
	ruleDoc struct {
		Kind     Kind       `yaml:"kind"`
		Relation string     `yaml:"relation"`
		Host     string     `yaml:"host"`
		Fallback bool       `yaml:"fallback_to_parent"`
		Entries  []entryDoc `yaml:"entries"`
	}
	entryDoc struct {
		Name       string            `yaml:"name"`
		Priority   int               `yaml:"priority"`
		Lookup     string            `yaml:"lookup"`
		Attributes []string          `yaml:"attributes"`
		Own        []string          `yaml:"own_attributes"`
		AllowNull  bool              `yaml:"allow_null"`
		ExactCount bool              `yaml:"exact_count"`
		Filter     map[string]string `yaml:"filter"`
	}
	lookupDoc struct {
		Name       string                  `yaml:"name"`
		Attributes map[string]attributeDoc `yaml:"attributes"`
		at         place
	}
	relationDoc struct {
		Name      string `yaml:"name"`
		Impact    Impact `yaml:"impact"`
		Redundant bool   `yaml:"redundant"`
		at        place
	}
	sourceDoc struct {
		Name                string `yaml:"name"`
		NativeKeyIsIdentity bool   `yaml:"native_key_is_identity"`
		TellsChanges        bool   `yaml:"tells_changes"`
	}
	reconcileDoc struct {
		Class      string   `yaml:"class"`
		Source     string   `yaml:"source"`
		Priority   int      `yaml:"priority"`
		Attributes []string `yaml:"attributes"`
		WithNull   []string `yaml:"update_with_null"`
		at         place
	}
	refreshDoc struct {
		Class  string        `yaml:"class"`
		Source string        `yaml:"source"`
		After  time.Duration `yaml:"after"`
		at     place
	}
	insertDoc struct {
		Class  string `yaml:"class"`
		Source string `yaml:"source"`
		at     place
	}
	lifecycleDoc struct {
		Class       string        `yaml:"class"`
		RetireAfter time.Duration `yaml:"retire_after"`
		DeleteAfter time.Duration `yaml:"delete_after"`
		at          place
	}
	assignDoc struct {
		Name string            `yaml:"name"`
		When string            `yaml:"when"`
		Set  map[string]string `yaml:"set"`
		at   place
	}
	reclassifyDoc struct {
		Upgrade   *bool `yaml:"upgrade"`
		Downgrade *bool `yaml:"downgrade"`
		Switch    *bool `yaml:"switch"`
	}
)

// loader gathers what files say and all that is wrong with them.
type loader struct {
	m        *Model
	docs     []classDoc
	problems []error
}

// Load makes a Model of files, later ones adding to earlier ones. The error names all that is wrong, each with file and line.
func Load(files ...File) (*Model, error) {
	l := &loader{m: &Model{
		classes: map[string]*Class{}, relations: map[string]*RelationType{}, sources: map[string]*Source{}, lookups: map[string]*Lookup{},
		placeholders: map[string][]string{}, upgrade: true, MaxDuplicates: 5,
	}}
	var docs []*document
	for _, f := range files {
		if d := l.decode(f); d != nil {
			docs = append(docs, d)
			l.docs = append(l.docs, d.Classes...)
		}
	}
	l.relationTypes(docs)
	l.sourcesAndPlaceholders(docs)
	l.classes()
	l.lookups(docs)
	l.identification()
	l.rules(docs)
	l.assignments(docs)
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	sum := sha256.New()
	for _, f := range files {
		_, _ = sum.Write(append(f.Text, 0)) // a hash takes everything
	}
	l.m.sum = hex.EncodeToString(sum.Sum(nil))
	return l.m, nil
}

func (l *loader) wrong(at place, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("%s:%d: %s", at.file, at.line, fmt.Sprintf(format, args...)))
}

// decode reads one file strictly: what it does not know is wrong.
func (l *loader) decode(f File) *document {
	if len(f.Text) > maxFile {
		l.wrong(place{f.Name, 1}, "has %d bytes, at most %d are allowed", len(f.Text), maxFile)
		return nil
	}
	d := new(document)
	dec := yaml.NewDecoder(bytes.NewReader(f.Text))
	dec.KnownFields(true)
	if err := dec.Decode(d); err != nil && !errors.Is(err, io.EOF) {
		if bad, ok := errors.AsType[*yaml.TypeError](err); ok {
			for _, e := range bad.Errors {
				l.problems = append(l.problems, fmt.Errorf("%s: %s", f.Name, e))
			}
		} else {
			l.problems = append(l.problems, fmt.Errorf("%s: %w", f.Name, err))
		}
		return nil
	}
	d.locate(f)
	return d
}

// locate notes where each part stands, for messages about what they mean.
func (d *document) locate(f File) {
	var root yaml.Node
	if yaml.Unmarshal(f.Text, &root) != nil || len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return
	}
	lines := map[string][]int{}
	for i, part := range root.Content[0].Content {
		if i%2 == 1 && part.Kind == yaml.SequenceNode {
			for _, n := range part.Content {
				key := root.Content[0].Content[i-1].Value
				lines[key] = append(lines[key], n.Line)
			}
		}
	}
	at := func(key string, i int) place {
		if i < len(lines[key]) {
			return place{f.Name, lines[key][i]}
		}
		return place{f.Name, 1}
	}
	for i := range d.Classes {
		d.Classes[i].at = at("classes", i)
	}
	for i := range d.Lookups {
		d.Lookups[i].at = at("lookups", i)
	}
	for i := range d.RelationTypes {
		d.RelationTypes[i].at = at("relation_types", i)
	}
	for i := range d.Reconciliation {
		d.Reconciliation[i].at = at("reconciliation", i)
	}
	for i := range d.Refresh {
		d.Refresh[i].at = at("refresh", i)
	}
	for i := range d.Assign {
		d.Assign[i].at = at("assign", i)
	}
	for i := range d.Lifecycle {
		d.Lifecycle[i].at = at("lifecycle", i)
	}
	for i := range d.NoInsert {
		d.NoInsert[i].at = at("no_insert", i)
	}
}

func (l *loader) relationTypes(docs []*document) {
	for _, d := range docs {
		for _, r := range d.RelationTypes {
			parent, child, ok := strings.Cut(r.Name, "::")
			if r.Impact == "" {
				r.Impact = ChildToParent
			}
			switch {
			case !ok || parent == "" || child == "":
				l.wrong(r.at, `relation type %q is not of the form "Runs on::Runs"`, r.Name)
			case r.Impact != ChildToParent && r.Impact != ParentToChild && r.Impact != NoImpact:
				l.wrong(r.at, "impact %q is none of child_to_parent, parent_to_child, none", r.Impact)
			default:
				l.m.relations[r.Name] = &RelationType{Name: r.Name, Parent: parent, Child: child, Impact: r.Impact, Redundant: r.Redundant}
			}
		}
	}
}

func (l *loader) sourcesAndPlaceholders(docs []*document) {
	for _, d := range docs {
		for _, s := range d.Sources {
			l.m.sources[s.Name] = &Source{Name: s.Name, NativeKeyIsIdentity: s.NativeKeyIsIdentity, TellsChanges: s.TellsChanges}
		}
		for attribute, values := range d.Placeholders {
			for _, v := range values {
				l.m.placeholders[attribute] = append(l.m.placeholders[attribute], strings.ToLower(strings.TrimSpace(v)))
			}
		}
		for _, set := range []struct{ from, to *bool }{{d.Reclassify.Upgrade, &l.m.upgrade}, {d.Reclassify.Downgrade, &l.m.downgrade}, {d.Reclassify.Switch, &l.m.sideways}} {
			if set.from != nil {
				*set.to = *set.from
			}
		}
		if d.MaxDuplicates != nil {
			l.m.MaxDuplicates = *d.MaxDuplicates
		}
	}
}

// sorted returns the keys of a map in order, so that messages come in order too.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
