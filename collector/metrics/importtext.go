package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/picketmon/picket/internal/errs"
)

// maxImportFamilies bounds the metrics that an import may say something about.
const maxImportFamilies = 50_000

// importText reads an OpenMetrics text piece by piece, with the parser that Prometheus reads scrapes with. That parser wants
// a whole text and stops at the first problem. So each piece is made a text of its own; when a piece is not good its lines are
// parsed one by one, to learn of all problems.
type importText struct {
	opts      ImportOptions
	limits    Limits
	spool     *spool
	space     func(ctx context.Context, more int64) error
	oldest    int64
	newest    int64
	length    int64 // of blocks
	overrides []labels.Label

	series   importSeries
	families map[string]Metadata
	problems importProblems
	line     int // the last one of the pieces before
	kind     model.MetricType
	piece    importedPiece
	text     []byte // the piece as the parser gets it

	tooOld, exemplars int
}

// importedPiece is what one piece says. It counts only when the whole piece is good.
type importedPiece struct {
	samples           []importSample
	families          []importedFamily
	problems          []importProblem
	tooOld, exemplars int
	kind              model.MetricType
}

type importedFamily struct {
	name   string
	change func(*Metadata)
}

// importSample is a sample on its way into a block.
type importSample struct {
	series, line uint32
	block        uint32 // known when it is sorted
	t            int64
	v            float64
}

func newImportText(i *importer, spool *spool) *importText {
	t := &importText{
		opts: i.opts, limits: i.store.opts.Limits, spool: spool, space: i.space, oldest: i.oldest(), newest: i.newest(), length: i.blockRange(),
		series: newImportSeries(), families: map[string]Metadata{},
	}
	for _, name := range slices.Sorted(maps.Keys(i.opts.Labels)) {
		t.overrides = append(t.overrides, labels.Label{Name: name, Value: i.opts.Labels[name]})
	}
	return t
}

const eof = "# EOF"

// read reads all of the text, or as much as it takes to find the most problems that are told.
func (t *importText) read(ctx context.Context, text io.Reader) error {
	for _, l := range t.overrides {
		if l.Name == model.MetricNameLabel || !model.UTF8Validation.IsValidLabelName(l.Name) || l.Value == "" {
			return errs.New(errs.Invalid, "label %s=%q cannot be set: it needs a name other than %s and a value", l.Name, l.Value, model.MetricNameLabel)
		}
	}
	p := newPieces(text, t.opts.MaxBytes, t.opts.pieceBytes)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		piece, last, err := p.next()
		if errors.Is(err, errLongLine) {
			t.problems.add(t.line+1, "is longer than %d bytes", t.opts.pieceBytes)
			return nil
		}
		if err != nil {
			return err
		}
		ended := true
		if last {
			piece, ended = cutEnd(piece)
		}
		if err := t.take(ctx, piece); err != nil {
			return err
		}
		if !ended {
			t.problems.add(max(t.line, 1), "is the last line and not # EOF: is the text complete?")
		}
		if last || t.problems.full() {
			return nil
		}
	}
}

// cutEnd cuts the end mark off the last piece and reports whether it was there.
func cutEnd(piece []byte) ([]byte, bool) {
	body, ok := bytes.CutSuffix(bytes.TrimSuffix(piece, []byte("\n")), []byte(eof))
	if ok && (len(body) == 0 || body[len(body)-1] == '\n') {
		return body, true
	}
	if len(piece) > 0 && piece[len(piece)-1] != '\n' {
		piece = append(piece, '\n') // pieces leaves room
	}
	return piece, false
}

// take parses a piece, which holds whole lines.
func (t *importText) take(ctx context.Context, piece []byte) error {
	lines := bytes.Count(piece, []byte("\n"))
	if int64(t.line)+int64(lines) > math.MaxUint32 {
		return errs.New(errs.TooLarge, "the text has more than %d lines", uint32(math.MaxUint32))
	}
	t.piece.reset(t.kind)
	if !t.parse(piece, t.line, lines) {
		t.piece.reset(t.kind)
		t.parseLines(piece)
	}
	t.line += lines
	p := &t.piece
	t.kind, t.tooOld, t.exemplars = p.kind, t.tooOld+p.tooOld, t.exemplars+p.exemplars
	t.problems.all = append(t.problems.all, p.problems...)
	for _, f := range p.families {
		t.describe(f)
	}
	if len(t.problems.all) > 0 {
		return nil // nothing will be stored, but there may be more to tell
	}
	before := t.spool.size
	for _, s := range p.samples {
		if err := t.spool.add(s); err != nil {
			return err
		}
	}
	if before/spaceEvery != t.spool.size/spaceEvery {
		return t.space(ctx, 0)
	}
	return nil
}

// spaceEvery is how many bytes are written between two looks at the free disk space.
const spaceEvery = 16 << 20

// parse parses lines and reports whether all of them are good as text.
func (t *importText) parse(lines []byte, before, count int) bool {
	t.text = t.text[:0]
	entries := 0
	if t.piece.kind != "" {
		// The type that was told last, because labels depend on it.
		t.text, entries = append(t.text, "# TYPE x "+string(t.piece.kind)+"\n"...), -1
	}
	t.text = append(append(t.text, lines...), eof+"\n"...)
	p := textparse.NewOpenMetricsParser(t.text, t.series.symbols)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return entries == count // an entry of several lines is none
		}
		if err != nil {
			return false
		}
		if entries++; entries > 0 {
			t.entry(p, entry, before+entries)
		}
	}
}

// parseLines parses each line for itself.
func (t *importText) parseLines(piece []byte) {
	line := t.line
	for len(piece) > 0 && len(t.piece.problems) < maxImportProblems {
		end := bytes.IndexByte(piece, '\n') + 1
		one := piece[:end]
		piece = piece[end:]
		line++
		problems := len(t.piece.problems)
		if !t.parse(one, line-1, 1) {
			t.piece.problems = t.piece.problems[:problems]
			t.piece.problem(line, "%s", syntaxProblem(one))
		}
	}
}

// syntaxProblem says what is wrong with a line.
func syntaxProblem(line []byte) string {
	text := strings.TrimSuffix(string(line), "\n")
	shown := strconv.Quote(abbreviate(strings.ToValidUTF8(text, "\uFFFD")))
	switch {
	case text == eof:
		return "there is more after # EOF"
	case text == "":
		return "is empty"
	case strings.HasSuffix(text, "\r"):
		return "ends with a carriage return, lines end with a line feed alone"
	case strings.HasPrefix(text, "#"):
		for _, word := range []string{"# HELP ", "# TYPE ", "# UNIT "} {
			if strings.HasPrefix(text, word) {
				return parserSays(line, "cannot be read: "+shown)
			}
		}
		return "is a comment; OpenMetrics has only # HELP, # TYPE, # UNIT and # EOF: " + shown
	case compositeValue(text):
		return "has a native histogram or another value of several parts, which cannot be imported: only OpenMetrics 1.0 can, with classic buckets"
	}
	return parserSays(line, "cannot be read: "+shown)
}

// parserSays returns the parser's own words about a line.
func parserSays(line []byte, otherwise string) string {
	p := textparse.NewOpenMetricsParser(append(slices.Clone(line), eof+"\n"...), labels.NewSymbolTable())
	for {
		if _, err := p.Next(); errors.Is(err, io.EOF) {
			return otherwise
		} else if err != nil {
			return abbreviate(strings.ToValidUTF8(err.Error(), "\uFFFD"))
		}
	}
}

// compositeValue reports whether the value of a sample begins with a brace.
func compositeValue(line string) bool {
	if strings.Contains(line, "} {") {
		return true
	}
	name, rest, _ := strings.Cut(line, " ")
	return !strings.Contains(name, "{") && strings.HasPrefix(rest, "{")
}

// entry takes one line.
func (t *importText) entry(p textparse.Parser, entry textparse.Entry, line int) {
	switch entry {
	case textparse.EntrySeries:
		t.sample(p, line)
	case textparse.EntryType:
		name, kind := p.Type()
		t.piece.kind = kind
		t.piece.family(name, func(m *Metadata) { m.Kind = string(kind) })
	case textparse.EntryHelp:
		name, help := p.Help()
		words := string(help)
		t.piece.family(name, func(m *Metadata) { m.Help = words })
	case textparse.EntryUnit:
		name, unit := p.Unit()
		word := string(unit)
		t.piece.family(name, func(m *Metadata) { m.Unit = word })
	}
}

func (p *importedPiece) family(name []byte, change func(*Metadata)) {
	p.families = append(p.families, importedFamily{string(name), change})
}

func (p *importedPiece) reset(kind model.MetricType) {
	*p = importedPiece{samples: p.samples[:0], families: p.families[:0], problems: p.problems[:0], kind: kind}
}

func (p *importedPiece) problem(line int, format string, args ...any) {
	if len(p.problems) >= maxImportProblems {
		return
	}
	p.problems = append(p.problems, importProblem{line, fmt.Sprintf(format, args...)})
}

// block numbers the blocks by their times.
func (t *importText) block(ms int64) uint32 { return uint32(ms / t.length) }

// describe notes what a line says about a family.
func (t *importText) describe(f importedFamily) {
	m, ok := t.families[f.name]
	if !ok && len(t.families) >= maxImportFamilies {
		return
	}
	f.change(&m)
	t.families[f.name] = m
}

func (t *importText) sample(p textparse.Parser, line int) {
	raw, at, v := p.Series()
	id, ok := t.series.find(raw, t.piece.kind)
	if !ok {
		id = t.newSeries(p, raw, line)
	}
	var e exemplar.Exemplar
	if p.Exemplar(&e) {
		t.piece.exemplars++
	}
	if at == nil {
		t.piece.problem(line, "has no timestamp")
		return
	}
	// raw is a part of the text, and value and time follow.
	ms := exactTime(*at, t.text[cap(t.text)-cap(raw)+len(raw):])
	switch {
	case ms > t.newest:
		t.piece.problem(line, "%s", futureProblem(ms))
	case ms < t.oldest:
		t.piece.tooOld++
	case ms < 0:
		t.piece.problem(line, "has a time before 1970")
	case id != noSeries:
		t.piece.samples = append(t.piece.samples, importSample{series: id, line: uint32(line), t: ms, v: v})
	}
}

// exactTime corrects the parser's time: it cuts fractions of a second instead of rounding them, so that half of the
// milliseconds come out one too early, and it does not notice times beyond all bounds. rest is " value time…".
func exactTime(ms int64, rest []byte) int64 {
	rest = rest[1:]
	rest = rest[bytes.IndexByte(rest, ' ')+1:]
	end := 0
	for rest[end] != ' ' && rest[end] != '\n' {
		end++
	}
	token := rest[:end]
	if ms >= 0 && bytes.IndexByte(token, '.') < 0 {
		return ms
	}
	seconds, err := strconv.ParseFloat(string(token), 64)
	if err != nil {
		return ms
	}
	return int64(math.Round(max(min(seconds*1000, math.MaxInt64/2), math.MinInt64/2)))
}

func futureProblem(ms int64) string {
	// Whoever writes milliseconds in place of seconds is some thousand times too far.
	if seconds := ms / 1000; time.UnixMilli(seconds).Year() > 2000 && time.UnixMilli(seconds).Year() < 2100 {
		return "lies in the future: is its time in milliseconds? OpenMetrics has seconds"
	}
	return "lies in the future"
}

// newSeries finds out which series a text stands for.
func (t *importText) newSeries(p textparse.Parser, raw []byte, line int) uint32 {
	var l labels.Labels
	p.Labels(&l)
	if name, twice := l.HasDuplicateLabelNames(); twice {
		t.piece.problem(line, "has the label %q twice", abbreviate(name))
		return t.series.add(raw, t.piece.kind, noSeries)
	}
	b := labels.NewBuilder(l)
	for _, o := range t.overrides {
		b.Set(o.Name, o.Value)
	}
	l = b.Labels()
	if refusal := t.limits.Check(l); refusal != nil {
		t.piece.problem(line, "%s", refusal.Detail)
		return t.series.add(raw, t.piece.kind, noSeries)
	}
	id, known := t.series.of(l)
	if !known && len(t.series.labels) >= t.opts.MaxSeries {
		t.piece.problem(line, "is one series too many, the limit is %d", t.opts.MaxSeries)
		return t.series.add(raw, t.piece.kind, noSeries)
	}
	if !known {
		id = t.series.create(l)
	}
	return t.series.add(raw, t.piece.kind, id)
}
