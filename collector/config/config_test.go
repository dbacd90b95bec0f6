package config

import (
	"strings"
	"testing"
)

func good() Config {
	c := Config{}
	if err := Settings(&c).Load("", func(string) (string, bool) { return "", false }); err != nil {
		panic(err)
	}
	return c
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"defaults":             {func(*Config) {}, ""},
		"no folder":            {func(c *Config) { c.DataDir = "" }, "data-dir"},
		"open without TLS":     {func(c *Config) { c.HTTPAddr = "0.0.0.0:4600" }, "is not loopback"},
		"open behind a proxy":  {func(c *Config) { c.HTTPAddr, c.HTTPInsecure = ":4600", true }, ""},
		"open with TLS":        {func(c *Config) { c.HTTPAddr, c.HTTPTLSCert, c.HTTPTLSKey = ":4600", "c", "k" }, ""},
		"certificate, no key":  {func(c *Config) { c.HTTPTLSCert = "c" }, "go together"},
		"other database":       {func(c *Config) { c.DatabaseURL = "mysql://x" }, "only postgres"},
		"proxy":                {func(c *Config) { c.HTTPProxies = []string{"10.0.0.1", "10.1.0.0/16", "x"} }, `"x" is neither`},
		"down before warn":     {func(c *Config) { c.DownAfter = c.WarnAfter / 2 }, "agents.down-after"},
		"retention":            {func(c *Config) { c.RetentionTime = 1 }, "less than 2h"},
		"address without port": {func(c *Config) { c.GRPCAddr = "here" }, "not host:port"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := good()
			tt.change(&c)
			err := c.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAdvertised(t *testing.T) {
	for _, tt := range []struct{ addr, advertise, want string }{
		{":4601", "", "me:4601"}, {"0.0.0.0:1", "", "me:1"}, {"[::]:1", "", "me:1"}, {"10.0.0.1:1", "", "10.0.0.1:1"}, {":1", "a:2", "a:2"},
	} {
		c := Config{GRPCAddr: tt.addr, AdvertiseAddr: tt.advertise}
		if got := c.Advertised("me"); got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}
