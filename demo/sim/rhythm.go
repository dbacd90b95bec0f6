// Package sim invents what the demo has no machines for: the hosts' own metrics, driven by the load that their services really
// have, and a week of past for hosts and services. A Rhythm says how busy the shop is at a time; a Host goes from state to
// state, one Step at a time; WritePast lets both run through a week. The same seed gives the same numbers.
package sim

import (
	"hash/fnv"
	"math"
	"time"
)

// PeakRate is how many requests per second the busiest hour of the week has.
const PeakRate = 20.0

// Rhythm is how busy the shop is over days and weeks.
type Rhythm struct {
	Seed uint64
}

// At returns the share of the busiest hour's load at a time, in the time's zone: people shop at noon and in the evening, sleep
// at night, and come less on Saturdays and Sundays. Around the curve it wanders by a few percent.
func (r Rhythm) At(t time.Time) float64 {
	hour := float64(t.Hour()) + float64(t.Minute())/60 + float64(t.Second())/3600
	noon, evening := hill(hour, 12.5, 2.2), hill(hour, 19.5, 2.6)
	day := 0.2 + 0.5*noon + 0.84*evening + 0.2*hill(hour, 15.5, 3)
	switch t.Weekday() {
	case time.Saturday:
		day = 0.16 + 0.62*noon + 0.5*evening
	case time.Sunday:
		day = 0.15 + 0.3*noon + 0.58*evening
	}
	wander := 1 + 0.09*Noise(r.Seed, "rhythm", t, 11*time.Minute) + 0.05*Noise(r.Seed, "rhythm fast", t, 90*time.Second)
	return min(max(day*wander, 0.05), 1.1)
}

// Rate returns the requests per second at a time.
func (r Rhythm) Rate(t time.Time) float64 { return PeakRate * r.At(t) }

// hill is a bell around the middle of the day, 1 at its top. Days are round: the evening reaches into the morning.
func hill(hour, middle, width float64) float64 {
	d := math.Abs(hour - middle)
	d = min(d, 24-d)
	return math.Exp(-d * d / (2 * width * width))
}

// Noise returns a number between -1 and 1 that wanders smoothly: each period has a random value of its own, what lies between
// is blended. What tells one wandering from another.
func Noise(seed uint64, what string, t time.Time, period time.Duration) float64 {
	at := float64(t.UnixNano()) / float64(period)
	k := math.Floor(at)
	part := at - k
	part = part * part * (3 - 2*part)
	a, b := Random(seed, what, int64(k)), Random(seed, what, int64(k)+1)
	return 2*(a+(b-a)*part) - 1
}

// Random returns a number from 0 to below 1 that belongs to its arguments.
func Random(seed uint64, what string, n int64) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(what))
	x := h.Sum64() ^ seed*0x9e3779b97f4a7c15 ^ uint64(n)*0xbf58476d1ce4e5b9
	// splitmix64
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}
