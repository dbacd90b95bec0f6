package agent

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/status"
	"github.com/picketmon/picket/checks"
)

// selfSpec documents what the agent says of itself.
func selfSpec() checks.Spec {
	g, c := checks.KindGauge, checks.KindCounter
	return checks.Spec{
		Name: "agent", Help: "The agent itself.",
		Metrics: []checks.Metric{
			{Name: "picket_agent_start_time_seconds", Kind: g, Unit: "seconds", Help: "Start of the agent, Unix time."},
			{Name: "picket_agent_cpu_seconds_total", Kind: c, Unit: "seconds", Help: "CPU time the agent used, user and system."},
			{Name: "picket_agent_resident_memory_bytes", Kind: g, Unit: "bytes", Help: "Resident memory of the agent."},
			{Name: "picket_agent_connected", Kind: g, Help: "Whether the agent has a stream to its collector."},
			{Name: "picket_agent_streams_total", Kind: c, Help: "Streams the collector welcomed."},
			{Name: "picket_agent_connection_attempts_total", Kind: c, Help: "Connections tried."},
			{Name: "picket_agent_sent_messages_total", Kind: c, Help: "Messages sent."},
			{Name: "picket_agent_sent_payload_bytes_total", Kind: c, Unit: "bytes", Help: "Bytes of messages sent, before framing and TLS."},
			{Name: "picket_agent_sent_samples_total", Kind: c, Help: "Samples sent, repeats after a reconnect included."},
			{Name: "picket_agent_sent_records_total", Kind: c, Help: "Spool records sent, repeats included."},
			{Name: "picket_agent_wire_sent_bytes_total", Kind: c, Unit: "bytes", Help: "Bytes sent at the TCP socket."},
			{Name: "picket_agent_wire_received_bytes_total", Kind: c, Unit: "bytes", Help: "Bytes received at the TCP socket."},
			{Name: "picket_agent_lost_schemas_total", Kind: c, Help: "Readings lost because their schema was damaged on disk."},
			{Name: "picket_agent_clock_skew_seconds", Kind: g, Unit: "seconds", Help: "This host's clock less the collector's, when the stream began."},
			{Name: "picket_agent_certificate_expiry_timestamp_seconds", Kind: g, Unit: "seconds", Help: "When the agent's certificate expires, Unix time."},
			{Name: "picket_agent_spool_records", Kind: g, Help: "Records in the spool, by class."},
			{Name: "picket_agent_spool_bytes", Kind: g, Unit: "bytes", Help: "Bytes in the spool, by class."},
			{Name: "picket_agent_spool_lag_seconds", Kind: g, Unit: "seconds", Help: "Age of the oldest record in the spool, by class; 0 when it is empty."},
			{Name: "picket_agent_spool_dropped_records_total", Kind: c, Help: "Records the spool gave up, by class and reason."},
			{Name: "picket_agent_check_runs_total", Kind: c, Help: "Runs of a check."},
			{Name: "picket_agent_check_failures_total", Kind: c, Help: "Runs of a check that failed, by reason: error, timeout, panic, overlap."},
			{Name: "picket_agent_check_duration_seconds", Kind: g, Unit: "seconds", Help: "Duration of a check's last run."},
		},
	}
}

// self is the check that reports the agent's own metrics. What rarely happens appears with its first time, so that it costs nothing
// on the wire before.
type self struct {
	p      *parts
	procfs string
}

// Run implements checks.Check.
func (s *self) Run(_ context.Context, r checks.Reporter) error {
	r.Gauge("picket_agent_start_time_seconds", float64(s.p.started.UnixMilli())/1000)
	if cpu, ok := processCPU(); ok {
		r.Counter("picket_agent_cpu_seconds_total", micros(cpu))
	}
	if rss, ok := residentMemory(s.procfs); ok {
		r.Gauge("picket_agent_resident_memory_bytes", rss)
	}
	s.connection(r)
	s.spool(r)
	for _, c := range s.p.schedule.Stats() {
		r.Counter("picket_agent_check_runs_total", float64(c.Runs), "check", c.Name)
		r.Gauge("picket_agent_check_duration_seconds", micros(c.Last), "check", c.Name)
		for _, f := range []struct {
			reason string
			n      uint64
		}{{"error", c.Failures}, {"timeout", c.Timeouts}, {"panic", c.Panics}, {"overlap", c.Overlaps}} {
			if f.n > 0 {
				r.Counter("picket_agent_check_failures_total", float64(f.n), "check", c.Name, "reason", f.reason)
			}
		}
	}
	return nil
}

func (s *self) connection(r checks.Reporter) {
	st, n := s.p.transport.Status(), s.p.transport.Counts()
	connected := 0.0
	if st.Connected {
		connected = 1
	}
	r.Gauge("picket_agent_connected", connected)
	r.Counter("picket_agent_streams_total", float64(st.Streams))
	r.Counter("picket_agent_connection_attempts_total", float64(st.Attempts))
	r.Counter("picket_agent_sent_messages_total", float64(n.Messages))
	r.Counter("picket_agent_sent_payload_bytes_total", float64(n.Payload))
	r.Counter("picket_agent_sent_samples_total", float64(n.Samples))
	r.Counter("picket_agent_sent_records_total", float64(n.Records))
	r.Counter("picket_agent_wire_sent_bytes_total", float64(n.WireSent))
	r.Counter("picket_agent_wire_received_bytes_total", float64(n.WireRead))
	if n.LostSchemas > 0 {
		r.Counter("picket_agent_lost_schemas_total", float64(n.LostSchemas))
	}
	r.Gauge("picket_agent_clock_skew_seconds", micros(st.Skew))
	r.Gauge("picket_agent_certificate_expiry_timestamp_seconds", float64(s.p.id.NotAfter().Unix()))
}

func (s *self) spool(r checks.Reporter) {
	st := s.p.buffer.Stats()
	for _, c := range st.Classes {
		if c.Records == 0 && c.Appended == 0 && c.Class != buffer.Metrics {
			continue // a series that comes and goes makes a new schema each time
		}
		lag := time.Duration(0)
		if c.Oldest > 0 {
			lag = time.Since(time.UnixMilli(c.Oldest)).Truncate(time.Millisecond)
		}
		name := c.Class.String()
		r.Gauge("picket_agent_spool_records", float64(c.Records), "class", name)
		r.Gauge("picket_agent_spool_bytes", float64(c.Bytes), "class", name)
		r.Gauge("picket_agent_spool_lag_seconds", lag.Seconds(), "class", name)
	}
	for _, d := range st.Drops {
		r.Counter("picket_agent_spool_dropped_records_total", float64(d.Records), "class", d.Class.String(), "reason", d.Reason)
	}
}

// micros returns d in seconds, to the microsecond: what lies below costs bytes on the wire and says nothing.
func micros(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }

// residentMemory returns the agent's resident memory in bytes, where there is a procfs.
func residentMemory(procfs string) (float64, bool) {
	raw, err := os.ReadFile(filepath.Join(procfs, "self/statm"))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(fields[1], 10, 63)
	return float64(pages) * float64(os.Getpagesize()), err == nil
}

func bootID(procfs string) []byte {
	id, err := hex.DecodeString(strings.ReplaceAll(inventory.Line(filepath.Join(procfs, "sys/kernel/random/boot_id")), "-", ""))
	if err != nil {
		return nil // only Linux has one
	}
	return id
}

// report is what the status socket answers.
func (a *Agent) report(p *parts) status.Report {
	st, n, spool := p.transport.Status(), p.transport.Counts(), p.buffer.Stats()
	r := status.Report{
		Version: a.opts.Version, PID: os.Getpid(), Started: p.started, AgentID: p.id.AgentID(), Instance: p.id.Instance(),
		DataDir: a.config.DataDir, Expires: p.id.NotAfter(), SpoolLimit: a.config.SpoolBytes,
		Collector: status.Collector{
			Address: st.Address, Connected: st.Connected, Since: st.Since, LastError: st.LastError, Streams: st.Streams,
			Attempts: st.Attempts, SkewSeconds: st.Skew.Seconds(), SentSamples: n.Samples, Payload: n.Payload, SentBytes: n.WireSent, ReadBytes: n.WireRead,
		},
	}
	for _, c := range spool.Classes {
		class := status.Class{Class: c.Class.String(), Records: c.Records, Bytes: c.Bytes}
		if c.Oldest > 0 {
			class.LagSeconds = time.Since(time.UnixMilli(c.Oldest)).Seconds()
		}
		for _, d := range spool.Drops {
			if d.Class == c.Class {
				if class.Dropped == nil {
					class.Dropped = map[string]uint64{}
				}
				class.Dropped[d.Reason] += d.Records
			}
		}
		r.Spool = append(r.Spool, class)
	}
	r.Capabilities = p.told.capabilities.Told()
	r.Inventory = p.told.items.Kinds()
	for _, c := range p.schedule.Stats() {
		r.Checks = append(r.Checks, status.Check{
			Name: c.Name, Runs: c.Runs, Failures: c.Failures, Timeouts: c.Timeouts, Panics: c.Panics, Overlaps: c.Overlaps,
			Series: c.Series, LastSeconds: c.Last.Seconds(), LastRun: c.LastRun, Error: c.LastErr,
		})
	}
	return r
}
