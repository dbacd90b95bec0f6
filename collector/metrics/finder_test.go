package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
)

// someNames are names with help texts.
var someNames = map[string]string{
	"node_cpu_seconds_total":           "Seconds the CPUs spent in each mode.",
	"node_cpu_guest_seconds_total":     "",
	"node_load1":                       "1m load average.",
	"node_load15":                      "15m load average.",
	"node_filesystem_avail_bytes":      "Filesystem space available to non-root users in bytes.",
	"node_memory_MemAvailable_bytes":   "Memory information field MemAvailable_bytes.",
	"process_cpu_seconds_total":        "",
	"go_memstats_alloc_bytes":          "",
	"cpu":                              "",
	"scpu":                             "",
	"job:http_requests:rate5m":         "",
	"http_request_duration_bucket":     "Time of requests.",
	"http.server.duration":             "",
	"up":                               "Whether it answers.",
	"node_scrape_collector_success":    "",
	"node_systemd_unit_state":          "",
	"prometheus_tsdb_head_series":      "Total number of series in the head block.",
	"prometheus_tsdb_head_max_time":    "",
	"picket_agent_info":                "",
	"picket_ingest_batches_total":      "",
	"apiserver_current_inflight_limit": "",
}

func TestFind(t *testing.T) {
	for name, tc := range map[string]struct {
		search string
		limit  int
		want   []string
		total  int
	}{
		"everything": {"", 3, []string{"apiserver_current_inflight_limit", "cpu", "go_memstats_alloc_bytes"}, len(someNames)},
		"only space": {" \t", 1, []string{"apiserver_current_inflight_limit"}, len(someNames)},
		"exact, word, part": {
			"cpu", 10, []string{
				"cpu", "node_cpu_seconds_total", "process_cpu_seconds_total", "node_cpu_guest_seconds_total", "scpu", "node_scrape_collector_success",
			}, 6,
		},
		"the limit keeps the best":    {"cpu", 2, []string{"cpu", "node_cpu_seconds_total"}, 6},
		"shorter first":               {"node_load", 10, []string{"node_load1", "node_load15"}, 2},
		"any case":                    {"MEMavail", 10, []string{"node_memory_MemAvailable_bytes"}, 1},
		"words in any order":          {"cpu node", 10, []string{"node_cpu_seconds_total", "node_cpu_guest_seconds_total"}, 2},
		"after a colon":               {"http_requests", 10, []string{"job:http_requests:rate5m"}, 1},
		"after a dot":                 {"server", 10, []string{"http.server.duration", "apiserver_current_inflight_limit"}, 2},
		"help text":                   {"mode", 10, []string{"node_cpu_seconds_total"}, 1},
		"name and help text":          {"filesystem space", 10, []string{"node_filesystem_avail_bytes"}, 1},
		"abbreviation":                {"ncst", 10, []string{"node_cpu_seconds_total", "node_cpu_guest_seconds_total", "picket_ingest_batches_total"}, 3},
		"abbreviation in longer runs": {"promheadser", 10, []string{"prometheus_tsdb_head_series"}, 1},
		"letters after help texts":    {"load", 10, []string{"node_load1", "node_load15"}, 2},
		"letters anywhere":            {"tsdhdse", 10, []string{"prometheus_tsdb_head_series"}, 1},
		"nothing":                     {"zzz", 10, nil, 0},
		"UTF-8":                       {"ä", 10, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var names []string
			for name := range someNames {
				names = append(names, name)
			}
			got, total := newNameList(names, func(name string) string { return someNames[name] }).find(searchTerms(tc.search), tc.limit)
			if diff := cmp.Diff(tc.want, got); diff != "" || total != tc.total {
				t.Errorf("total %d, want %d, names %s", total, tc.total, diff)
			}
		})
	}
}

// Whatever is found fits, whatever fits is found, and the ranks come in order.
func TestFindAgreesWithItsRanks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	letters := []byte("ab_:")
	word := func(n int) string {
		b := make([]byte, 1+rnd.IntN(n))
		for i := range b {
			b[i] = letters[rnd.IntN(len(letters))]
		}
		return string(b)
	}
	names := map[string]bool{}
	for range 400 {
		names[word(8)] = true
	}
	var all []string
	for name := range names {
		all = append(all, name)
	}
	l := newNameList(all, func(name string) string { return strings.Repeat(name, 2) })
	for range 300 {
		search := word(4) + " " + word(3)
		terms := searchTerms(search)
		got, total := l.find(terms, len(all))
		if len(got) != total {
			t.Fatalf("%q: %d names, total %d", search, len(got), total)
		}
		last := rankExact
		for _, name := range got {
			r := plainRank(name, name+name, terms)
			if r < last || r == rankNone {
				t.Fatalf("%q: rank %d of %q after %d", search, r, name, last)
			}
			last = r
		}
		for name := range names {
			r := plainRank(name, name+name, terms)
			if (r != rankNone) != slices.Contains(got, name) {
				t.Fatalf("%q: %q has rank %d", search, name, r)
			}
		}
	}
}

// plainRank ranks a name without the shortcuts.
func plainRank(name, help string, terms []string) rank {
	worst, inName, inEither := rankExact, true, true
	for _, term := range terms {
		if at := strings.Index(name, term); at >= 0 {
			worst = max(worst, rankOfTerm(name, term, at))
			continue
		}
		inName, inEither = false, inEither && strings.Contains(help, term)
	}
	letters := strings.Join(terms, "")
	switch {
	case inName:
		return worst
	case abbreviates(letters, name):
		return rankAbbreviation
	case inEither:
		return rankHelp
	case hasLetters(name, letters):
		return rankLetters
	}
	return rankNone
}

func newCatalog(t testing.TB) *Catalog {
	t.Helper()
	c, err := NewCatalog(t.Context(), CatalogOptions{Rows: &flaky{}, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFinderReadsTheStore(t *testing.T) {
	s, c := open(t, Options{}), newCatalog(t)
	f, err := NewFinder(s, c, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := f.Find(t.Context(), "", 10); err != nil || found.Total != 0 || len(found.Names) != 0 {
		t.Errorf("an empty store: %+v, %v", found, err)
	}
	put(t, s, labels.FromStrings("__name__", "in_block_total", "instance", "a"), sample{now() - 7_200_000, 1})
	put(t, s, labels.FromStrings("__name__", "in_block_total", "instance", "b"), sample{now() - 7_200_000, 1})
	head := s.db.Head()
	if err := s.db.CompactHead(tsdb.NewRangeHead(head, head.MinTime(), head.MaxTime())); err != nil {
		t.Fatal(err)
	}
	put(t, s, labels.FromStrings("__name__", "in_memory_bucket", "le", "1"), sample{now(), 1})
	c.Set("in_block", Metadata{Kind: "counter", Help: "Old.", Unit: "things"})
	c.Set("in_memory", Metadata{Kind: "histogram", Help: "New."})
	c.Set("without_samples", Metadata{Kind: "gauge"})
	f.list = nil // as if it were old
	found, err := f.Find(t.Context(), "in", 10)
	if err != nil {
		t.Fatal(err)
	}
	want := Found{Total: 2, Names: []FoundName{
		{"in_block_total", Metadata{"counter", "Old.", "things"}}, {"in_memory_bucket", Metadata{"histogram", "New.", ""}},
	}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestDescribeFamilies(t *testing.T) {
	c := newCatalog(t)
	for name, kind := range map[string]string{"h": "histogram", "s": "summary", "c": "counter", "g": "gauge", "t_total": "counter"} {
		c.Set(name, Metadata{Kind: kind})
	}
	for name, want := range map[string]string{
		"h_bucket": "histogram", "h_sum": "histogram", "h_count": "histogram", "s_count": "summary", "c_total": "counter", "t_total": "counter", "g": "gauge",
		"s_bucket": "", "g_total": "", "g_count": "", "c_bucket": "", "nosuch_total": "", "nosuch": "", "_total": "", "h_": "",
	} {
		if md, ok := c.describe(name); md.Kind != want || ok != (want != "") {
			t.Errorf("%s: %+v %v, want %q", name, md, ok, want)
		}
	}
}

// slowRead is a reading of names that the test lets happen.
type slowRead struct {
	reads int
	names []string
	err   error
	takes time.Duration
}

func (r *slowRead) read() ([]string, int, error) {
	r.reads++
	time.Sleep(r.takes)
	return slices.Clone(r.names), 0, r.err
}

func TestFinderNeverWaitsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &slowRead{names: []string{"a"}, takes: 2 * time.Second}
		f := &Finder{catalog: newCatalog(t), logger: slog.New(slog.DiscardHandler), read: r.read}
		ask := func(want string, within time.Duration) {
			t.Helper()
			start := time.Now()
			found, err := f.Find(t.Context(), "", 9)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, n := range found.Names {
				got += n.Name
			}
			if took := time.Since(start); got != want || took > within {
				t.Errorf("found %q after %s, want %q within %s", got, took, want, within)
			}
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Find(impatient, "", 9); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first question gave up with %v", err)
		}
		ask("a", time.Second) // the rest of the same reading
		r.names = []string{"a", "b"}
		time.Sleep(39 * time.Second)
		ask("a", 0) // twenty times as long as reading took have not passed
		time.Sleep(time.Second)
		ask("a", finderPatience)
		ask("a", finderPatience)
		time.Sleep(2 * time.Second)
		ask("ab", 0)
		if r.reads != 2 {
			t.Errorf("%d readings, want 2", r.reads)
		}
		r.err, r.takes = errors.New("broken"), 10*time.Millisecond
		time.Sleep(time.Minute)
		ask("ab", finderPatience) // the former list is better than none
		r.err, r.names = nil, []string{"c"}
		ask("c", finderPatience) // a failure is not waited out
		ask("c", 0)
	})
}

func TestFinderWithoutNames(t *testing.T) {
	r := &slowRead{err: errors.New("broken")}
	f := &Finder{catalog: newCatalog(t), logger: slog.New(slog.DiscardHandler), read: r.read}
	if _, err := f.Find(t.Context(), "a", 9); !errors.Is(err, r.err) {
		t.Errorf("error %v", err)
	}
}

func TestCopyNames(t *testing.T) {
	names, left := copyNames([]string{"aa", "", "bbb", "c"}, 5)
	if diff := cmp.Diff([]string{"aa", "", "bbb"}, names); diff != "" || left != 1 {
		t.Errorf("left %d %s", left, diff)
	}
	if names, left := copyNames(nil, 5); len(names) != 0 || left != 0 {
		t.Errorf("%q %d", names, left)
	}
}

// BenchmarkFind searches 150,000 names; a third has a help text, which is as many as the catalog keeps.
func BenchmarkFind(b *testing.B) {
	const n = 150_000
	words := strings.Fields("http request duration seconds total bytes node memory cpu kafka topic partition lag container network " +
		"receive transmit errors queue latency go gc pause redis keyspace hits misses postgres locks replication slot envoy cluster upstream")
	rnd := rand.New(rand.NewPCG(1, 2))
	names := make([]string, n)
	help := make(map[string]string, n)
	for i := range names {
		var parts []string
		for range 3 + rnd.IntN(4) {
			parts = append(parts, words[rnd.IntN(len(words))])
		}
		names[i] = fmt.Sprintf("%s_%d", strings.Join(parts, "_"), i)
		if i%3 > 0 {
			continue
		}
		help[names[i]] = "The number of " + strings.Join(parts, " of the ") + " since the start of the process, by kind."
	}
	l := newNameList(names, func(name string) string { return help[name] })
	for name, search := range map[string]string{
		"everything": "", "letter": "e", "prefix": "http_req", "words": "cpu duration total", "nothing": "zzzz", "abbreviation": "hrds",
		"letters": "rqstdrtn", "help": "number start", "name and help": "kafka since",
	} {
		b.Run(name, func(b *testing.B) {
			before := cpuTime(b)
			for b.Loop() {
				l.find(searchTerms(search), 50)
			}
			b.ReportMetric((cpuTime(b)-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
		})
	}
	b.Run("making the list", func(b *testing.B) {
		for b.Loop() {
			newNameList(slices.Clone(names), func(name string) string { return help[name] })
		}
	})
}

// cpuTime is what the process has used, which other work on the machine does not change much.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
