// Package demo is the demo shop: five hosts, on each a service and Picket's agent, all on loopback.
//
//	shop-load-1 ──> shop-web-1 ──┬─> shop-app-1 ──┬─> shop-store-1
//	                             └─> shop-app-2 ──┘
//
// This package holds what its parts agree on: the hosts, the files below the demo's folder, which breaks are on, and what a
// service says about itself. Package shop is the services, sim the simulated hosts and the invented past, series how metrics
// are written, control what starts, breaks and ends it all. Nothing in the product knows of the demo, and the demo knows the
// product only by its programs and its API.
package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The services, which are also the names of their processes.
const (
	Load  = "shop-load"
	Web   = "shop-web"
	App   = "shop-app"
	Store = "shop-store"
)

// Label marks every series of the demo.
const (
	Label      = "demo"
	LabelValue = "true"
)

// Host is one of the demo's hosts.
type Host struct {
	Name    string
	Service string
	Version string // of the service
}

// Hosts returns all hosts, in the order in which requests pass them.
func Hosts() []Host {
	return []Host{
		{"shop-load-1", Load, "1.0.2"},
		{"shop-web-1", Web, "2.4.1"},
		{"shop-app-1", App, AppVersion},
		{"shop-app-2", App, AppVersion},
		{"shop-store-1", Store, "0.7.3"},
	}
}

// AppVersion runs now; FormerAppVersion ran before the deploy that the invented past holds.
const (
	AppVersion       = "1.9.0"
	FormerAppVersion = "1.8.2"
)

// HostNamed returns the host of that name.
func HostNamed(name string) (Host, error) {
	for _, h := range Hosts() {
		if h.Name == name {
			return h, nil
		}
	}
	return Host{}, fmt.Errorf("the demo has no host %q", name)
}

// Plan is what was decided when the demo was started first. It is kept in the demo's folder.
type Plan struct {
	ID       string            `json:"id"` // tells this demo's agents from those of others
	URL      string            `json:"url"`
	Seed     uint64            `json:"seed"`
	Interval time.Duration     `json:"interval"`
	Started  time.Time         `json:"started"` // first
	Runs     int               `json:"runs"`    // how often it was started
	Ports    map[string]int    `json:"ports"`   // by host
	Agents   map[string]Member `json:"agents"`  // by host, once enrolled
	History  bool              `json:"history"` // whether the past was imported
}

// Member is a host's agent as the collector knows it.
type Member struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
}

// Address is where the host's service listens.
func (p Plan) Address(host string) string { return fmt.Sprintf("127.0.0.1:%d", p.Ports[host]) }

// Instance is the host's name in series: what the collector calls its agent, before enrolment the host's own name.
func (p Plan) Instance(host string) string {
	if m, ok := p.Agents[host]; ok {
		return m.Instance
	}
	return host
}

// Dir is the demo's folder.
type Dir string

func (d Dir) plan() string   { return d.in("demo.json") }
func (d Dir) breaks() string { return d.in("breaks.json") }

// Processes is where the supervisor notes what it started.
func (d Dir) Processes() string { return d.in("processes.json") }

// Token holds the enrolment token until all agents have used it.
func (d Dir) Token() string { return d.in("token") }

// Log is what the supervisor says.
func (d Dir) Log() string { return d.in("demo.log") }

// Bin is this program under the name of a service.
func (d Dir) Bin(service string) string { return d.in("bin", service) }

func (d Dir) host(host string, parts ...string) string {
	return d.in(append([]string{"hosts", host}, parts...)...)
}

func (d Dir) in(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}

// Host is the folder of one host.
func (d Dir) Host(host string) string { return d.host(host) }

// Agent is the data folder of a host's agent.
func (d Dir) Agent(host string) string { return d.host(host, "agent") }

// Root is the root file system that a host's agent is shown.
func (d Dir) Root(host string) string { return d.host(host, "root") }

// Textfile is where a host's metrics are written.
func (d Dir) Textfile(host string) string { return d.host(host, "textfile") }

// Logs is where a host's logs are written.
func (d Dir) Logs(host string) string { return d.host(host, "log") }

// Data is what a host's service keeps.
func (d Dir) Data(host string) string { return d.host(host, "data") }

// Report is where a host's service says how it is.
func (d Dir) Report(host string) string { return d.host(host, "service.json") }

// ReadPlan returns the plan of the demo in d. The error is fs.ErrNotExist when there is no demo.
func (d Dir) ReadPlan() (Plan, error) {
	var p Plan
	err := readJSON(d.plan(), &p)
	return p, err
}

// WritePlan keeps the plan.
func (d Dir) WritePlan(p Plan) error { return writeJSON(d.plan(), p) }

// Report is what a service says about itself, for the simulation of its host.
type Report struct {
	Time     time.Time `json:"time"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Requests uint64    `json:"requests"`  // handled since the start
	Written  uint64    `json:"written"`   // bytes, to disk
	InFlight int       `json:"in_flight"` // requests
	Leaked   uint64    `json:"leaked"`    // bytes
}

// ReadReport returns what the host's service said last, the zero value when it said nothing yet.
func (d Dir) ReadReport(host string) (Report, error) {
	var r Report
	err := readJSON(d.Report(host), &r)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return r, err
}

// WriteReport notes how the host's service is.
func (d Dir) WriteReport(host string, r Report) error { return writeJSON(d.Report(host), r) }

func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return WriteFile(path, append(raw, '\n'))
}

// WriteFile replaces a file as a whole: readers see the former text or this one.
func WriteFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
