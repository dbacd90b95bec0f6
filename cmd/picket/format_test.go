package main

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"now": "2026-11-23T13:00:00+01:00", "-1h": "2026-11-23T12:00:00+01:00", "now-1h30m": "2026-11-23T11:30:00+01:00", "-90": "2026-11-23T12:58:30+01:00",
		"-7d": "2026-11-16T13:00:00+01:00", "0": "1970-01-01T01:00:00+01:00", "1795431600": "2026-11-23T12:00:00+01:00",
		"2026-01-02T03:04:05Z": "2026-01-02T03:04:05Z", "2026-01-02": "2026-01-02T00:00:00+01:00", "2026-01-02 03:04": "2026-01-02T03:04:00+01:00",
		"2026-01-02T03:04:05": "2026-01-02T03:04:05+01:00", "14:30": "2026-11-23T14:30:00+01:00", " 14:30:15 ": "2026-11-23T14:30:15+01:00",
	} {
		got, err := parseTime(text, noon)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v, want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
	for _, bad := range []string{"", "yesterday", "-", "-1y2", "now+1h", "25:00", "NaN", "1e300", "-NaN", "-Inf", "-1e300", "2026-13-01"} {
		if got, err := parseTime(bad, noon); err == nil {
			t.Errorf("%q: %s", bad, got)
		}
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		start, end, step, want string
	}{
		{"", "now", "", "12:00:00 13:00:00 1m0s"},
		{"-10s", "now", "", "12:59:50 13:00:00 1s"},
		{"-1d", "-23h", "30", "13:00:00 14:00:00 30s"},
		{"12:00", "12:01", "100ms", "12:00:00 12:01:00 100ms"},
	} {
		w, err := parseWindow(c.start, c.end, c.step, noon.Add(379*time.Millisecond))
		check(t, err)
		same(t, c.start+" to "+c.end, c.want, w.start.Format(time.TimeOnly)+" "+w.end.Format(time.TimeOnly)+" "+w.step.String())
	}
}

func TestFormats(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59*time.Second + 999*time.Millisecond: "59s", 61 * time.Second: "1m1s", 2 * time.Minute: "2m", 10*time.Minute + 5*time.Second: "10m",
		3*time.Hour + 20*time.Minute: "3h20m", 23*time.Hour + 59*time.Minute: "23h", 26 * time.Hour: "1d2h", 400 * 24 * time.Hour: "400d",
	} {
		same(t, d.String(), want, span(d))
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", math.MaxInt64: "8388608.0 TiB"} {
		same(t, "bytes", want, bytesText(n))
	}
	for v, want := range map[float64]string{
		0: "0", 3: "3", 0.1 + 0.2: "0.3", 123.456789: "123.457", 1234567.25: "1234567", 12345678.9: "12345679", 1e15: "1e+15", 1e-7: "1e-07",
		math.Inf(-1): "-Inf", -2.5: "-2.5",
	} {
		same(t, "number", want, number(v))
	}
	a := &app{now: func() time.Time { return noon }}
	same(t, "ago", []string{"never", "5s ago", "in 1m"}, []string{a.ago(time.Time{}), a.ago(noon.Add(-5 * time.Second)), a.ago(noon.Add(time.Minute))})
	same(t, "clean", "a b\uFFFD[1mc é", clean("a\nb\x1b[1mc é"))
}

func TestGraph(t *testing.T) {
	w := window{start: noon, end: noon.Add(time.Minute), step: 10 * time.Second}
	at := func(values ...float64) (points []promPoint) {
		for i, v := range values {
			points = append(points, promPoint{time: noon.Add(time.Duration(i) * 10 * time.Second), value: v})
		}
		return points
	}
	nan := math.NaN()
	for want, points := range map[string][]promPoint{
		"▁▂▃▅▆▇█": at(0, 1, 2, 3, 4, 5, 6), "▁▁▁▁▁▁▁": at(5, 5, 5, 5, 5, 5, 5), "▁ █    ": at(1, nan, 2), "       ": nil, "▁█ ▁   ": at(1, 2, math.Inf(1), 1),
		"▁      ": append(at(1), promPoint{time: noon.Add(time.Hour), value: 3}, promPoint{time: noon.Add(-time.Hour), value: 3}),
	} {
		same(t, "graph", want, graph(w, points))
	}
	w.step = time.Second // more points than cells: each cell is a mean
	if got := []rune(graph(w, at(1, 2, 3, 4, 5, 6, 7))); len(got) != graphCells {
		t.Errorf("%d cells", len(got))
	}
}

// Whatever an engine answers is drawn or refused.
func FuzzAnswer(f *testing.F) {
	f.Add("vector", vector(load)[len(vector(""))-4:])
	for _, seed := range []string{`[` + load + `]`, `[` + strange + `]`, `[1,"2"]`, `[{"values":[[1e300,"1"]]}]`, `[{"value":[1,{"count":"1"}]}]`, `[[]]`, `null`, `[null]`} {
		for _, kind := range []string{"vector", "matrix", "scalar", "string"} {
			f.Add(kind, seed)
		}
	}
	a := &app{now: func() time.Time { return noon }}
	f.Fuzz(func(t *testing.T, kind, result string) {
		var p promAnswer
		p.Data.ResultType, p.Data.Result = kind, json.RawMessage(result)
		var out strings.Builder
		if err := a.writeInstant(&out, io.Discard, "x", p); err == nil && strings.ContainsAny(out.String(), "\x1b\x00\r") {
			t.Errorf("drawn: %q", out.String())
		}
		if all, err := p.series(); err == nil {
			sortByName(all)
			check(t, a.writeGraphs(io.Discard, window{start: noon, end: noon.Add(time.Hour), step: time.Minute}, all))
		}
	})
}
