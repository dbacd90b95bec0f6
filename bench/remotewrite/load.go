//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"
)

const (
	hosts  = 100
	series = 100 // per host
)

// request is one remote-write request, encoded.
type request struct {
	body    []byte
	samples int
}

// load makes what 100 hosts send: a name and four labels; counters, constants, slow walks and noise.
type load struct {
	t      int64
	random *rand.Rand
	series []prompb.TimeSeries
}

func newLoad() *load {
	l := &load{t: time.Now().Add(-12 * time.Hour).UnixMilli(), random: rand.New(rand.NewPCG(1, 2))}
	for h := range hosts {
		for i := range series {
			l.series = append(l.series, prompb.TimeSeries{
				Labels: []prompb.Label{
					{Name: "__name__", Value: fmt.Sprintf("node_subsystem_value_%d_total", i)},
					{Name: "device", Value: fmt.Sprintf("eth%d", i%4)},
					{Name: "instance", Value: fmt.Sprintf("host-%03d.example.com:9100", h)},
					{Name: "job", Value: "node"},
					{Name: "region", Value: fmt.Sprintf("eu-west-%d", h%3)},
				},
				Samples: []prompb.Sample{{}},
			})
		}
	}
	return l
}

// next returns the requests of the next steps, each with size samples.
func (l *load) next(steps, size int) [][]request {
	out := make([][]request, steps)
	for s := range out {
		l.t += 10_000
		for i := range l.series {
			v := &l.series[i].Samples[0]
			v.Timestamp = l.t
			switch kind := i % 10; {
			case kind < 1:
				v.Value = max(0, min(100, v.Value+float64(l.random.IntN(3)-1)))
			case kind < 4:
				v.Value = l.random.Float64() * 1000
			case kind < 8:
				v.Value += float64(l.random.IntN(1000))
			}
		}
		for i := 0; i < len(l.series); i += size {
			message, err := (&prompb.WriteRequest{Timeseries: l.series[i : i+size]}).Marshal()
			if err != nil {
				panic(err) // it marshals what this file makes
			}
			out[s] = append(out[s], request{s2.EncodeSnappy(nil, message), size})
		}
	}
	return out
}
