// Package conf reads the settings of a program: flag over environment over file over default. A setting has one key, from which its
// other names follow: http.addr is --http-addr, PREFIX_HTTP_ADDR and, in the file, addr under http. The file is YAML, decoded
// strictly; all problems are reported at once, with their lines.
package conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file.
const maxFile = 1 << 20

// Set is the settings of one program.
type Set struct {
	prefix   string
	settings []*setting
	flags    *pflag.FlagSet
}

type setting struct {
	key   string
	value pflag.Value
	help  string
}

// New returns an empty set; prefix begins the names of environment variables, without underscore at the end.
func New(prefix string) *Set {
	return &Set{prefix: prefix, flags: pflag.NewFlagSet(prefix, pflag.ContinueOnError)}
}

func flagName(key string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(key) }

// EnvName returns the environment variable of a key.
func (s *Set) EnvName(key string) string {
	return s.prefix + "_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

func (s *Set) add(key, help string) {
	f := s.flags.Lookup(flagName(key))
	s.settings = append(s.settings, &setting{key: key, value: f.Value, help: help})
}

// String adds a text setting.
func (s *Set) String(p *string, key, value, help string) {
	s.flags.StringVar(p, flagName(key), value, s.usage(key, help))
	s.add(key, help)
}

// Strings adds a setting that is a list; on the command line and in the environment its elements are separated by commas.
func (s *Set) Strings(p *[]string, key string, value []string, help string) {
	s.flags.StringSliceVar(p, flagName(key), value, s.usage(key, help))
	s.add(key, help)
}

// Bool adds a setting that is on or off.
func (s *Set) Bool(p *bool, key string, value bool, help string) {
	s.flags.BoolVar(p, flagName(key), value, s.usage(key, help))
	s.add(key, help)
}

// Int adds a whole number.
func (s *Set) Int(p *int, key string, value int, help string) {
	s.flags.IntVar(p, flagName(key), value, s.usage(key, help))
	s.add(key, help)
}

// Duration adds a time span, such as 90s, 24h or 30d.
func (s *Set) Duration(p *time.Duration, key string, value time.Duration, help string) {
	*p = value
	s.flags.Var((*duration)(p), flagName(key), s.usage(key, help))
	s.add(key, help)
}

// Bytes adds a size, such as 512MiB or 10GB.
func (s *Set) Bytes(p *int64, key string, value int64, help string) {
	*p = value
	s.flags.Var((*size)(p), flagName(key), s.usage(key, help))
	s.add(key, help)
}

func (s *Set) usage(key, help string) string { return help + " [" + s.EnvName(key) + "]" }

// AddFlags adds all settings to a command's flags.
func (s *Set) AddFlags(fs *pflag.FlagSet) { fs.AddFlagSet(s.flags) }

// Load applies the file, when its name is not empty, then the environment; flags that were given stay. The error names all problems.
func (s *Set) Load(file string, getenv func(string) (string, bool)) error {
	given := map[string]bool{}
	s.flags.VisitAll(func(f *pflag.Flag) { given[f.Name] = f.Changed })
	var problems []error
	if file != "" {
		values, err := readFile(file)
		if err != nil {
			return err
		}
		problems = append(problems, s.apply(file, values, given)...)
	}
	for _, st := range s.settings {
		if v, ok := getenv(s.EnvName(st.key)); ok && !given[flagName(st.key)] {
			if err := st.set(v, true); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", s.EnvName(st.key), err))
			}
		}
	}
	return errors.Join(problems...)
}

// set replaces the setting's value. A list that was set before does not grow but starts anew.
func (st *setting) set(v string, replace bool) error {
	if list, ok := st.value.(pflag.SliceValue); ok && replace {
		if err := list.Replace(nil); err != nil {
			return err
		}
		if v == "" {
			return nil
		}
		return list.Replace(strings.Split(v, ","))
	}
	if err := st.value.Set(v); err != nil {
		return fmt.Errorf("%q is not a valid %s: %w", v, st.value.Type(), err)
	}
	return nil
}

type located struct {
	key  string
	line int
	node *yaml.Node
}

func readFile(name string) ([]located, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", name, err)
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("configuration %s has more than %d bytes", name, maxFile)
	}
	values, problems := parse(raw)
	for i, p := range problems {
		problems[i] = fmt.Errorf("%s:%w", name, p)
	}
	return values, errors.Join(problems...)
}

// parse flattens a YAML document into keys with their values.
func parse(raw []byte) ([]located, []error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, []error{fmt.Errorf(" %w", err)}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	var (
		out      []located
		problems []error
		walk     func(prefix string, n *yaml.Node)
		seen     = map[string]int{}
	)
	walk = func(prefix string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			problems = append(problems, fmt.Errorf("%d: %s should be a mapping", n.Line, or(prefix, "the document")))
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			key := strings.TrimPrefix(prefix+"."+k.Value, ".")
			if first, ok := seen[key]; ok {
				problems = append(problems, fmt.Errorf("%d: %s is set twice, first in line %d", k.Line, key, first))
				continue
			}
			seen[key] = k.Line
			if v.Kind == yaml.MappingNode {
				walk(key, v)
				continue
			}
			out = append(out, located{key, k.Line, v})
		}
	}
	walk("", doc.Content[0])
	return out, problems
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func (s *Set) apply(file string, values []located, given map[string]bool) (problems []error) {
	for _, v := range values {
		i := slices.IndexFunc(s.settings, func(st *setting) bool { return st.key == v.key })
		if i < 0 {
			problems = append(problems, fmt.Errorf("%s:%d: unknown setting %s%s", file, v.line, v.key, s.suggest(v.key)))
			continue
		}
		text, err := scalar(v.node)
		if err == nil && !given[flagName(v.key)] {
			err = s.settings[i].set(text, true)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %s: %w", file, v.line, v.key, err))
		}
	}
	return problems
}

func scalar(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		var parts []string
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode || strings.Contains(c.Value, ",") {
				return "", errors.New("a list holds plain values without commas")
			}
			parts = append(parts, c.Value)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("a plain value or a list was expected")
}

// suggest names the setting that an unknown key may have meant.
func (s *Set) suggest(key string) string {
	best, least := "", 4
	for _, st := range s.settings {
		if d := distance(key, st.key); d < least {
			best, least = st.key, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

type duration time.Duration

func (d *duration) String() string { return time.Duration(*d).String() }
func (d *duration) Type() string   { return "duration" }

// Set reads what time.ParseDuration reads, and whole days as 30d.
func (d *duration) Set(v string) error {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errors.New("use a number and a unit, such as 90s, 24h or 30d")
		}
		*d = duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	p, err := time.ParseDuration(v)
	if err != nil {
		return errors.New("use a number and a unit, such as 90s, 24h or 30d")
	}
	*d = duration(p)
	return nil
}

type size int64

var units = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func (b *size) String() string {
	for i := 3; i >= 0; i-- {
		if u := units[i]; *b != 0 && float64(*b) == float64(int64(float64(*b)/u.bytes))*u.bytes {
			return strconv.FormatInt(int64(float64(*b)/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*b), 10)
}
func (b *size) Type() string { return "size" }

// Set reads a number with a unit of 1000 (kB, MB, GB, TB) or 1024 (KiB, MiB, GiB, TiB); without unit it is bytes.
func (b *size) Set(v string) error {
	number, factor := v, 1.0
	for _, u := range units {
		if n, ok := strings.CutSuffix(v, u.name); ok {
			number, factor = strings.TrimSpace(n), u.bytes
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 || f*factor > 1<<62 {
		return errors.New("use a size such as 512MiB or 10GB")
	}
	*b = size(f * factor)
	return nil
}
