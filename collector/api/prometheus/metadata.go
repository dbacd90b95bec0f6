package prometheus

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/picketmon/picket/collector/metrics"
)

// metadata answers /metadata from the catalog: Prometheus' own handler knows only scraped targets.
type metadata struct{ catalog *metrics.Catalog }

// ServeHTTP answers with Prometheus' shape: name to a list of type, help and unit; parameters metric, limit and limit_per_metric.
func (m metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit, ok := number(w, r, "limit")
	if !ok {
		return
	}
	if _, ok = number(w, r, "limit_per_metric"); !ok {
		return // without effect otherwise: there is one for each name
	}
	data := map[string][]metrics.Metadata{}
	if name := r.FormValue("metric"); name != "" {
		if md, ok := m.catalog.Get(name); ok && limit != 0 {
			data[name] = []metrics.Metadata{md}
		}
	} else {
		all := m.catalog.All()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if limit >= 0 && len(data) >= limit {
				break
			}
			data[name] = []metrics.Metadata{all[name]}
		}
	}
	answer(w, http.StatusOK, map[string]any{"status": "success", "data": data})
}

// number reads a parameter; absent is -1.
func number(w http.ResponseWriter, r *http.Request, name string) (int, bool) {
	s := r.FormValue(name)
	if s == "" {
		return -1, true
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"status": "error", "errorType": "bad_data", "error": name + " must be a number"})
		return 0, false
	}
	return n, true
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone away otherwise
}
