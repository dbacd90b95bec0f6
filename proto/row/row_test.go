package row

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var same = cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

// The golden vectors hold the wire format: a change here is a new protocol version.
func TestGolden(t *testing.T) {
	tests := map[string]struct {
		rows [][]float64
		want []string
	}{
		"constants cost two bits": {[][]float64{{0, 0, 0, 0, 0}}, []string{"0000"}},
		"integers":                {[][]float64{{1, -1}, {3, -1}}, []string{"05" + "02" + "01", "01" + "04"}},
		"a steady step is free":   {[][]float64{{1}, {3}, {5}, {7}}, []string{"01" + "02", "01" + "04", "02", "02"}},
		"jiffies": {
			[][]float64{{12.34}, {12.35}, {12.36}},
			[]string{"03" + "354028ae147ae147ae", "01" + "02", "02"},
		},
		"pages become a scale of their own": {
			[][]float64{{1 << 20}, {1<<20 + 4096}, {1<<20 + 3*4096}},
			[]string{"01" + "80808001", "03" + "6910", "01" + "04"},
		},
		"negative zero and NaN are bits": {
			[][]float64{{math.Copysign(0, -1), math.NaN()}},
			[]string{"0f" + "0380" + "347ff8000000000001"},
		},
		"bytes of codes that are zero are left out": {
			[][]float64{append(make([]float64, 20), 1)},
			[]string{"20" + "01" + "02"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var enc, dec State
			enc.Reset(len(tt.rows[0]))
			dec.Reset(len(tt.rows[0]))
			for i, values := range tt.rows {
				got := enc.Append(nil, values)
				if diff := cmp.Diff(tt.want[i], hex.EncodeToString(got)); diff != "" {
					t.Errorf("row %d: encoding (-want +got):\n%s", i, diff)
				}
				rest, err := dec.Decode(got)
				if err != nil || len(rest) != 0 {
					t.Fatalf("row %d: %d bytes left, error %v", i, len(rest), err)
				}
				if diff := cmp.Diff(values, dec.Values(), same); diff != "" {
					t.Errorf("row %d: decoding (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestEveryValueComesBackBitForBit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	draw := []func(before float64) float64{
		func(b float64) float64 { return b },
		func(float64) float64 { return float64(rnd.Int64()) },
		func(b float64) float64 { return b + float64(rnd.IntN(2000)-1000) },
		func(float64) float64 { return float64(rnd.IntN(1e9)) / 100 },
		func(float64) float64 { return float64(rnd.IntN(1e9)) / 1e3 },
		func(float64) float64 { return float64(rnd.IntN(1e9)) / 1e6 },
		func(float64) float64 { return float64(rnd.IntN(1e9)) / 1e9 },
		func(float64) float64 { return float64(rnd.IntN(1e6)) * 4096 },
		func(b float64) float64 { return b + 512 },
		func(b float64) float64 { return b + 1024 },
		func(float64) float64 { return math.Float64frombits(rnd.Uint64()) },
		func(float64) float64 { return rnd.NormFloat64() },
		func(float64) float64 {
			return []float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, math.Copysign(0, -1)}[rnd.IntN(5)]
		},
	}
	const n = 41
	var enc, dec State
	enc.Reset(n)
	dec.Reset(n)
	values := make([]float64, n)
	for range 5000 {
		for i := range values {
			values[i] = draw[rnd.IntN(len(draw))](values[i])
		}
		raw := append(enc.Append(nil, values), 0xAB)
		rest, err := dec.Decode(raw)
		if err != nil || len(rest) != 1 {
			t.Fatalf("%d bytes left, error %v", len(rest), err)
		}
		if diff := cmp.Diff(values, dec.Values(), same); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestRowsOfEverySizeComeBackFromOneReusedState(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var enc, dec State
	for round := range 2 {
		for n := range 700 {
			if round == 1 {
				n = rnd.IntN(700)
			}
			enc.Reset(n)
			dec.Reset(n)
			values := make([]float64, n)
			for range 3 {
				for i := range values {
					if rnd.IntN(3) == 0 {
						values[i] += float64(rnd.IntN(100)) / 100
					}
				}
				rest, err := dec.Decode(enc.Append(nil, values))
				if err != nil || len(rest) > 0 {
					t.Fatalf("%d values: %d bytes left, error %v", n, len(rest), err)
				}
				if !slices.Equal(values, dec.Values()) {
					t.Fatalf("%d values: %v came back as %v", n, values, dec.Values())
				}
			}
		}
	}
}

func TestTruncatedRowsAreRefused(t *testing.T) {
	values := []float64{1, 2.5, math.Pi, 1e300, 77.77, 0}
	var enc State
	enc.Reset(len(values))
	whole := enc.Append(nil, values)
	for cut := range whole {
		var dec State
		dec.Reset(len(values))
		if _, err := dec.Decode(whole[:cut]); !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d of %d: got %v, want ErrTruncated", cut, len(whole), err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0xff, 0x00, 0x80}, uint8(3))
	f.Fuzz(func(t *testing.T, src []byte, n uint8) {
		var dec State
		dec.Reset(int(n))
		rest, err := dec.Decode(src)
		if err == nil && len(rest) > len(src) {
			t.Fatal("more bytes left than given")
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(1.5, 2.25)
	f.Fuzz(func(t *testing.T, a, b float64) {
		var enc, dec State
		enc.Reset(1)
		dec.Reset(1)
		for _, v := range []float64{a, b, a} {
			if _, err := dec.Decode(enc.Append(nil, []float64{v})); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]float64{v}, dec.Values(), same); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func BenchmarkRow(b *testing.B) {
	const n = 400
	values := make([]float64, n)
	var enc, dec State
	enc.Reset(n)
	dec.Reset(n)
	raw := make([]byte, 0, 8*n)
	b.ReportAllocs()
	for b.Loop() {
		for i := 0; i < n; i += 4 {
			values[i] += float64(i) / 100
		}
		raw = enc.Append(raw[:0], values)
		if _, err := dec.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(raw))/n, "B/value")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
}
