package sim

import (
	"time"

	"github.com/picketmon/picket/demo"
)

// shopPast is the services in the past: what they would have counted. Processes are in the order of demo.Hosts.
type shopPast struct {
	past      Past
	seed      uint64
	processes []*process
}

func newShopPast(p Past, seed uint64) *shopPast {
	s := &shopPast{past: p, seed: seed}
	for i, h := range demo.Hosts() {
		began := newProcess(h, p.From.Add(-time.Duration(30+i)*time.Hour))
		began.version = s.version(began, p.From)
		s.processes = append(s.processes, began)
	}
	return s
}

// step lets the shop work for dt seconds at a rate of requests, and returns what each host's service did.
func (s *shopPast) step(now time.Time, dt, rate float64) []Activity {
	storeDown := !now.Before(s.past.OutageBegin) && now.Before(s.past.OutageEnd)
	load, web, store := s.processes[0], s.processes[1], s.processes[4]
	apps := s.processes[2:4]
	load.rate = rate
	s.run(store, now, !storeDown, s.version(store, now))
	visits := rate * dt
	appVersion := s.version(apps[0], now)
	for i, r := range WebRoutes() {
		n := visits * r.Share
		code, appCode := "200", "200"
		if storeDown {
			code, appCode = "502", "503"
		}
		whole := AppRoutes(appVersion)[i].whole()
		if storeDown {
			whole = AppRoutes(appVersion)[i].Own
		}
		load.http.add(i, code, n, Work{whole.Median + r.Own.Median + 3*hop, whole.Spread})
		web.http.add(i, code, n, Work{whole.Median + r.Own.Median + 2*hop, whole.Spread})
		for k, app := range apps {
			version := s.version(app, now.Add(-time.Duration(k)*2*time.Minute))
			s.run(app, now, true, version)
			route := AppRoutes(version)[i]
			took := route.whole()
			if storeDown {
				took = route.Own
			}
			half := n / 2
			app.http.add(i, appCode, half, took)
			app.orders(route, half, storeDown)
			if !storeDown {
				store.operations(route, half)
			}
		}
	}
	if storeDown {
		load.warnings += visits
		web.errors += visits
		apps[0].errors += visits / 2
		apps[1].errors += visits / 2
	}
	return s.account(now, dt)
}

// version returns the version that the process runs at a time.
func (s *shopPast) version(p *process, now time.Time) string {
	if p.Service == demo.App && now.Before(s.past.Deploy) {
		return demo.FormerAppVersion
	}
	return p.Version
}

// run lets the process run in that version or not run at all. A process that starts counts from zero.
func (s *shopPast) run(p *process, now time.Time, up bool, version string) {
	if up && (!p.up || p.version != version) {
		*p = *newProcess(p.Host, now)
	}
	p.up, p.version = up, version
}

// account adds what processes use, and says what their hosts feel of it.
func (s *shopPast) account(now time.Time, dt float64) []Activity {
	var out []Activity
	for _, p := range s.processes {
		requests := p.http.fresh()
		a := Activity{Requests: requests / dt, Written: (p.written - p.writtenBefore) / dt, Waiting: p.http.waiting / dt, Down: !p.up}
		p.writtenBefore, p.http.waiting = p.written, 0
		p.cpu += requests*0.0011 + 0.002*dt
		p.resident = 21e6 + 2e6*Noise(s.seed, p.Name+"rss", now, 40*time.Minute) + a.Requests*2e5
		p.inFlight = a.Waiting
		out = append(out, a)
	}
	return out
}
