package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// The types whose series have other names than the family.
const (
	histogram = "histogram"
	summary   = "summary"
)

// parser reads one file in the Prometheus text format, version 0.0.4.
type parser struct {
	path  string
	limit int   // of samples
	old   *file // its strings are used again where they are the same

	samples  []sample
	families map[string]*family
	differs  bool // something else than values is not as in old
}

// parse reads all lines, and stops at the first that is wrong.
func (p *parser) parse(data []byte) error {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return fmt.Errorf("%s does not end with a newline: it was not written to its end", p.path)
	}
	p.samples = make([]sample, 0, len(p.old.samples))
	p.families = make(map[string]*family, len(p.old.families))
	lines := hostfs.Lines{Data: data}
	for {
		line, ok := lines.Next()
		if !ok {
			return p.finish()
		}
		var err error
		switch line = bytes.TrimLeft(line, " \t"); {
		case len(line) == 0:
		case line[0] == '#':
			err = p.comment(line[1:])
		case len(p.samples) >= p.limit:
			return fmt.Errorf("%s is left out: all text files together have more than %d series", p.path, maxSeries)
		default:
			err = p.sample(line)
		}
		if err != nil {
			return &hostfs.LineError{Path: p.path, Line: lines.N, What: err.Error()}
		}
	}
}

// finish refuses a file that has a series twice, and finds out whether anything but values differs.
func (p *parser) finish() error {
	if len(p.samples) != len(p.old.samples) || len(p.families) != len(p.old.families) {
		p.differs = true
	}
	for name, fam := range p.families {
		if old := p.old.families[name]; p.differs || old == nil || old.help != fam.help || old.unit != fam.unit || old.kind != fam.kind {
			p.differs = true
			break
		}
	}
	if !p.differs {
		return nil
	}
	seen := make(map[string]bool, len(p.samples))
	for i := range p.samples {
		key := p.samples[i].key()
		if seen[key] {
			return fmt.Errorf("%s has the series %s twice", p.path, short(p.samples[i].text))
		}
		seen[key] = true
	}
	return nil
}

// comment reads what follows a #: HELP, TYPE, UNIT, or anything, which is skipped.
func (p *parser) comment(rest []byte) error {
	keyword, rest := hostfs.Field(rest)
	switch string(keyword) {
	case "HELP", "TYPE", "UNIT":
	default:
		return nil
	}
	name, rest := hostfs.Field(rest)
	if !checks.ValidName(string(name)) {
		return fmt.Errorf("%s for a metric name that is not valid: %q", keyword, short(name))
	}
	fam := p.family(name)
	text := bytes.TrimLeft(rest, " \t")
	switch keyword[0] {
	case 'H':
		if fam.helped {
			return fmt.Errorf("second HELP for %s", fam.name)
		}
		if !utf8.Valid(text) {
			return fmt.Errorf("the help text of %s is not UTF-8", fam.name)
		}
		if bytes.IndexByte(text, '\\') >= 0 {
			plain, err := unescape(string(text))
			if err != nil {
				return fmt.Errorf("help text of %s: %w", fam.name, err)
			}
			text = []byte(plain)
		}
		fam.helped, fam.help = true, reuse(p.was(fam).help, text)
	case 'T':
		return fam.typed(bytes.TrimRight(text, " \t"))
	default:
		text = bytes.TrimRight(text, " \t")
		if !utf8.Valid(text) {
			return fmt.Errorf("the unit of %s is not UTF-8", fam.name)
		}
		fam.unit = reuse(p.was(fam).unit, text)
	}
	return nil
}

// typed notes the family's type.
func (f *family) typed(text []byte) error {
	if f.kind != "" || f.sampled {
		return fmt.Errorf("TYPE of %s comes twice or after its samples", f.name)
	}
	for _, kind := range [...]string{"counter", "gauge", histogram, summary, "untyped"} {
		if strings.EqualFold(kind, string(text)) {
			f.kind = kind
			return nil
		}
	}
	return fmt.Errorf("type of %s is none that there is: %q", f.name, short(text))
}

// family returns the family of that name, and makes it when this is the first line about it.
func (p *parser) family(name []byte) *family {
	if fam := p.families[string(name)]; fam != nil {
		return fam
	}
	fam := &family{}
	if old := p.old.families[string(name)]; old != nil {
		fam.name = old.name
	} else {
		fam.name = string(name)
	}
	p.families[fam.name] = fam
	return fam
}

// was returns what the file said of the metric before.
func (p *parser) was(fam *family) *family {
	if old := p.old.families[fam.name]; old != nil {
		return old
	}
	return &family{}
}

// reuse returns the text as a string, the former one when it is the same.
func reuse(was string, text []byte) string {
	if was == string(text) {
		return was
	}
	return string(text)
}

// sample reads a line `name{label="value"} 1.5`.
func (p *parser) sample(line []byte) error {
	s, rest, ok := p.again(line)
	if !ok {
		var err error
		if s, rest, err = series(line); err != nil {
			return err
		}
		p.differs = true
	}
	value, rest := hostfs.Field(rest)
	v, err := number(value)
	if err != nil {
		return err
	}
	if extra, _ := hostfs.Field(rest); len(extra) > 0 {
		return fmt.Errorf("timestamps and other text after the value are not supported: %q", short(extra))
	}
	s.value = v
	s.kind = p.judge(s.name)
	p.samples = append(p.samples, s)
	return nil
}

// again returns the sample that stood in this place before, when the line begins in the same way.
func (p *parser) again(line []byte) (s sample, rest []byte, ok bool) {
	i := len(p.samples)
	if i >= len(p.old.samples) {
		return s, nil, false
	}
	s = p.old.samples[i]
	if len(line) <= len(s.text) || string(line[:len(s.text)]) != s.text {
		return s, nil, false
	}
	rest = line[len(s.text):]
	next := bytes.TrimLeft(rest, " \t")
	if len(next) == len(rest) && s.text[len(s.text)-1] != '}' || len(next) > 0 && next[0] == '{' {
		return s, nil, false // the name goes on, or labels follow where there were none
	}
	return s, rest, true
}

// judge tells the type of a series from its family.
func (p *parser) judge(name string) checks.Kind {
	fam := owning(p.families, name)
	if fam == nil {
		fam = p.family([]byte(name))
	}
	fam.sampled = true
	switch {
	case fam.kind == "counter", fam.kind == histogram, fam.kind == summary && fam.name != name:
		return checks.KindCounter
	case fam.kind == "gauge", fam.kind == summary: // a quantile
		return checks.KindGauge
	}
	return checks.KindUntyped
}

// number reads a value: a decimal number, NaN or an infinity.
func number(b []byte) (float64, error) {
	if len(b) == 0 {
		return 0, errors.New("the value is missing")
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || bytes.ContainsAny(b, "pPxX_") {
		return 0, fmt.Errorf("value is not a number: %q", short(b))
	}
	return v, nil
}

// series reads the name and the labels, and returns what follows them. All strings are parts of one.
func series(line []byte) (s sample, rest []byte, err error) {
	all := string(line)
	n := strings.IndexAny(all, "{ \t")
	if n < 0 {
		n = len(all)
	}
	if s.name = all[:n]; !checks.ValidName(s.name) {
		return s, nil, fmt.Errorf("metric name is not valid: %q", short(s.name))
	}
	var pairs [][2]string
	after := all[n:]
	if body, ok := strings.CutPrefix(skip(after), "{"); ok {
		if pairs, after, err = labels(body); err != nil {
			return s, nil, err
		}
	}
	s.text = all[:len(all)-len(after)]
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	for i, pair := range pairs {
		if i > 0 && pairs[i-1][0] == pair[0] {
			return s, nil, fmt.Errorf("label %s comes twice", short(pair[0]))
		}
		if pair[1] != "" { // an empty label is none
			s.labels = append(s.labels, pair[0], pair[1])
		}
	}
	return s, line[len(s.text):], nil
}

// skip leaves out blanks.
func skip(s string) string { return strings.TrimLeft(s, " \t") }

// labels reads what follows the opening brace up to the closing one.
func labels(s string) (pairs [][2]string, rest string, err error) {
	for {
		if s = skip(s); strings.HasPrefix(s, "}") {
			return pairs, s[1:], nil
		}
		n := strings.IndexAny(s, "= \t,}\"")
		if n < 0 {
			return nil, "", errors.New("the labels do not end")
		}
		name := s[:n]
		if !checks.ValidLabelName(name) {
			return nil, "", fmt.Errorf("label name is not valid: %q", short(name))
		}
		after, ok := strings.CutPrefix(skip(s[n:]), "=")
		if after = skip(after); !ok || !strings.HasPrefix(after, `"`) {
			return nil, "", fmt.Errorf("no = and quoted value after label %s", short(name))
		}
		var value string
		if value, s, err = quoted(after[1:]); err != nil {
			return nil, "", fmt.Errorf("label %s: %w", short(name), err)
		}
		pairs = append(pairs, [2]string{name, value})
		switch s = skip(s); {
		case s == "":
			return nil, "", errors.New("the labels do not end")
		case s[0] == ',':
			s = s[1:]
		case s[0] != '}':
			return nil, "", fmt.Errorf("neither , nor } after label %s", short(name))
		}
	}
}

// quoted reads a value up to its closing quote.
func quoted(s string) (value, rest string, err error) {
	end, escaped := 0, false
	for ; end < len(s) && s[end] != '"'; end++ {
		if s[end] == '\\' {
			escaped = true
			end++
		}
	}
	if end >= len(s) {
		return "", "", errors.New("value does not end")
	}
	value, rest = s[:end], s[end+1:]
	if escaped {
		if value, err = unescape(value); err != nil {
			return "", "", err
		}
	}
	if !utf8.ValidString(value) {
		return "", "", errors.New("value is not UTF-8")
	}
	return value, rest, nil
}

func unescape(s string) (string, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' {
			if i++; i == len(s) {
				return "", errors.New("text ends with a backslash")
			}
			switch c = s[i]; c {
			case '\\', '"':
			case 'n':
				c = '\n'
			default:
				return "", fmt.Errorf("unknown escape %q", s[i-1:i+1])
			}
		}
		out = append(out, c)
	}
	return string(out), nil
}

// short keeps messages about foreign input short.
func short[T string | []byte](text T) T { return text[:min(len(text), 60)] }
