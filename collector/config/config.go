// Package config is the collector's settings: what users type, checked. It knows no component; collector.go hands each what it needs.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/picketmon/picket/internal/conf"
)

// Config is what users set. Settings describes each field.
type Config struct {
	DataDir     string
	DatabaseURL string

	HTTPAddr     string
	HTTPTLSCert  string
	HTTPTLSKey   string
	HTTPInsecure bool
	HTTPProxies  []string

	GRPCAddr      string
	AdvertiseAddr string

	AdminPassword string

	RetentionTime  time.Duration
	RetentionBytes int64
	OutOfOrder     time.Duration
	MaxSeries      int
	ImportMaxBytes int64
	AgentSeries    int
	ResultsKeep    time.Duration
	Classes        []string

	WarnAfter time.Duration
	DownAfter time.Duration

	LogLevel  string
	LogFormat string
}

// Settings returns the collector's settings, which fill c.
func Settings(c *Config) *conf.Set {
	s := conf.New("PICKET_COLLECTOR")
	s.String(&c.DataDir, "data-dir", "/var/lib/picket-collector", "folder of certificate authority, database and time series")
	s.String(&c.DatabaseURL, "database.url", "", "postgres://… to keep rows in PostgreSQL; by default SQLite in the data folder. Prefer the file or the environment: it holds a password")
	s.String(&c.HTTPAddr, "http.addr", "127.0.0.1:4600", "where users and programs connect: UI, REST, PromQL")
	s.String(&c.HTTPTLSCert, "http.tls-cert", "", "certificate file for HTTPS, PEM with its chain")
	s.String(&c.HTTPTLSKey, "http.tls-key", "", "key file for HTTPS, PEM")
	s.Bool(&c.HTTPInsecure, "http.insecure", false, "allow plain HTTP on other addresses than loopback, as behind a proxy that does TLS")
	s.Strings(&c.HTTPProxies, "http.trusted-proxies", nil, "reverse proxies, as addresses or networks, whose X-Forwarded-For and X-Forwarded-Proto are believed")
	s.String(&c.GRPCAddr, "grpc.addr", ":4601", "where agents connect, always TLS")
	s.String(&c.AdvertiseAddr, "grpc.advertise-addr", "", "address that agents are told, as host:port; by default grpc.addr, with this host's name when that names no host")
	s.Duration(&c.RetentionTime, "metrics.retention-time", 30*24*time.Hour, "how long samples are kept")
	s.Bytes(&c.RetentionBytes, "metrics.retention-bytes", 0, "how much disk samples may take; 0 is no limit")
	s.Duration(&c.OutOfOrder, "metrics.out-of-order", 25*time.Hour, "how late samples may come: the agents' spool age and an hour")
	s.Int(&c.MaxSeries, "metrics.max-series", 0, "active series in memory; 0 is no limit")
	s.Bytes(&c.ImportMaxBytes, "metrics.import-max-bytes", 4<<30, "the longest OpenMetrics text that may be imported, unpacked")
	s.Int(&c.AgentSeries, "agents.max-series", 50_000, "series one agent may have")
	s.Duration(&c.WarnAfter, "agents.warn-after", time.Minute, "silence after which an agent is worth a warning")
	s.Duration(&c.DownAfter, "agents.down-after", 2*time.Minute, "silence after which an agent is down")
	s.Duration(&c.ResultsKeep, "results.retention-time", 30*24*time.Hour, "how long check results and agent events are kept")
	s.Strings(&c.Classes, "cmdb.classes", nil, "files of own classes, attributes and rules of the CMDB, YAML")
	s.String(&c.LogLevel, "log.level", "info", "debug, info, warn or error")
	s.String(&c.LogFormat, "log.format", "text", "text or json")
	return s
}

// Validate reports all settings that cannot be.
func (c *Config) Validate() error {
	var problems []error
	report := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.DataDir == "" {
		report("data-dir must not be empty")
	}
	for name, addr := range map[string]string{"http.addr": c.HTTPAddr, "grpc.addr": c.GRPCAddr, "grpc.advertise-addr": c.AdvertiseAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil && (addr != "" || name != "grpc.advertise-addr") {
			report("%s: %q is not host:port", name, addr)
		}
	}
	if (c.HTTPTLSCert == "") != (c.HTTPTLSKey == "") {
		report("http.tls-cert and http.tls-key go together")
	}
	if c.HTTPTLSCert == "" && !c.HTTPInsecure && !loopback(c.HTTPAddr) {
		report("http.addr: %s is not loopback: give http.tls-cert and http.tls-key, or http.insecure when a proxy does TLS", c.HTTPAddr)
	}
	if _, err := c.Proxies(); err != nil {
		problems = append(problems, err)
	}
	if c.DatabaseURL != "" && !strings.HasPrefix(c.DatabaseURL, "postgres://") && !strings.HasPrefix(c.DatabaseURL, "postgresql://") {
		report("database.url: only postgres:// is known")
	}
	if c.RetentionTime < 2*time.Hour {
		report("metrics.retention-time: %s is less than 2h", c.RetentionTime)
	}
	if c.ImportMaxBytes <= 0 {
		report("metrics.import-max-bytes: %d is not positive", c.ImportMaxBytes)
	}
	if c.WarnAfter <= 0 || c.DownAfter < c.WarnAfter {
		report("agents.down-after: %s is not after agents.warn-after %s", c.DownAfter, c.WarnAfter)
	}
	return errors.Join(problems...)
}

// Proxies returns the trusted proxies as networks.
func (c *Config) Proxies() ([]netip.Prefix, error) {
	var (
		out      []netip.Prefix
		problems []error
	)
	for _, text := range c.HTTPProxies {
		p, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("http.trusted-proxies: %q is neither an address nor a network", text))
			continue
		}
		out = append(out, p)
	}
	return out, errors.Join(problems...)
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Advertised returns the address that agents on other hosts are told.
func (c *Config) Advertised(hostname string) string {
	if c.AdvertiseAddr != "" {
		return c.AdvertiseAddr
	}
	host, port, err := net.SplitHostPort(c.GRPCAddr)
	if err != nil {
		return c.GRPCAddr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = hostname
	}
	return net.JoinHostPort(host, port)
}
