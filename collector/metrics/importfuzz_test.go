package metrics

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// parsed is a text as the importer or Prometheus' parser understands it.
type parsed struct {
	samples []parsedSample
	good    bool
	entries int
}

type parsedSample struct {
	series string
	t      int64
	v      uint64
}

func (p *parsed) add(l labels.Labels, t int64, v float64) {
	p.samples = append(p.samples, parsedSample{l.String(), t, math.Float64bits(v)})
}

// like reports whether both are the same but for times, which Prometheus' parser cuts to milliseconds instead of rounding them.
func (p *parsed) like(o *parsed) bool {
	return p.good == o.good && slices.EqualFunc(p.samples, o.samples, func(a, b parsedSample) bool {
		return a.series == b.series && a.v == b.v && (a.t == b.t || a.t == b.t+1)
	})
}

// byPrometheus parses the text at once.
func byPrometheus(text []byte, newest int64) (out parsed) {
	p := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			out.good = true
			return out
		}
		if err != nil {
			return parsed{}
		}
		out.entries++
		if entry != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		if _, twice := l.HasDuplicateLabelNames(); twice {
			return parsed{}
		}
		l = labels.NewBuilder(l).Labels()
		_, at, v := p.Series()
		if at == nil || *at < 0 || *at > newest || DefaultLimits().Check(l) != nil {
			return parsed{}
		}
		out.add(l, *at, v)
	}
}

// byImport parses the text in small pieces, as an import does.
func byImport(t *testing.T, text []byte, newest int64, pieceBytes int) (out parsed) {
	spool, err := createSpool(filepath.Join(t.TempDir(), "samples"))
	check(t, err)
	x := &importText{
		opts: ImportOptions{MaxBytes: 1 << 20, MaxSeries: 1000, pieceBytes: pieceBytes}, limits: DefaultLimits(), spool: spool,
		space:  func(context.Context, int64) error { return nil },
		oldest: math.MinInt64, newest: newest, length: 1000, series: newImportSeries(), families: map[string]Metadata{},
	}
	check(t, x.read(t.Context(), bytes.NewReader(text)))
	check(t, spool.close())
	if err := x.problems.Err(); err != nil {
		return parsed{}
	}
	in, err := openSpool(spool.f.Name())
	check(t, err)
	defer in.f.Close()
	for {
		s, err := in.next()
		if errors.Is(err, io.EOF) {
			out.good = true
			return out
		}
		check(t, err)
		out.add(x.series.labels[s.series], s.t, s.v)
	}
}

func FuzzImport(f *testing.F) {
	for _, text := range []string{
		small, "# EOF\n", "# EOF", "", "a 1 1\n", "a 1 1\n# EOF\n# EOF\n", "a{b=\"c\"} 1 1.5 # {d=\"e\"} 1 1\n# EOF\n", "{\"a.b\",c=\"d\"} NaN 1\n# EOF\n",
		"# TYPE h histogram\nh_bucket{le=\"1\"} 1 1\nh_bucket{le=\"+Inf\"} 1 1\nh_sum 1 1\n# TYPE s summary\ns{quantile=\"0.5\"} 1 1\ns{quantile=\"0.50\"} 1 2\n# EOF\n",
		"a 1\n\n# EOF\n", "# HELP a b\\nc\n# UNIT a_b b\n# EOF\n", "{\"a\nb\"} 1 1\n# EOF\n", "a{b=\"\\\"\\n\"} 1 1\n# EOF\n", "a{} 1 -1\n# EOF\n", "h {count:1} 1\n# EOF\n",
		"a 1 1.9999\n# EOF\n", "a +Inf 0\r\n# EOF\n", "a 0x1p3 1e3\n# EOF\n",
	} {
		f.Add([]byte(at(text)), uint8(100))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		const newest = 4e12
		lines := bytes.Split(text, []byte("\n"))
		longest := 0
		for _, l := range lines {
			longest = max(longest, len(l))
		}
		want := byPrometheus(text, newest)
		end := bytes.Count(text, []byte("\n"))
		if len(text) > 0 && text[len(text)-1] != '\n' {
			end++
		}
		if want.good && want.entries+1 != end {
			want = parsed{} // an entry of several lines is refused
		}
		got := byImport(t, text, newest, longest+2+int(size))
		if !got.like(&want) {
			t.Errorf("Prometheus' parser: %+v\nimport: %+v", want, got)
		}
	})
}
