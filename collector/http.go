package collector

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/picketmon/picket/collector/access"
)

// mountHTTP mounts every HTTP route of the product.
func (c *Collector) mountHTTP() error {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // whoever asked has gone away otherwise
	})
	c.router.Route(http.MethodGet, "/healthz", ok, access.Public)
	c.router.Route(http.MethodGet, "/readyz", http.HandlerFunc(c.ready), access.Public)
	c.router.Route(http.MethodGet, "/metrics", promhttp.HandlerFor(c.reg, promhttp.HandlerOpts{}), access.Viewer)
	return nil
}

// ready answers whether the collector can store: the database answers.
func (c *Collector) ready(w http.ResponseWriter, r *http.Request) {
	if err := c.db.PingContext(r.Context()); err != nil {
		c.logger.Error("readiness", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ready\n"))
}
