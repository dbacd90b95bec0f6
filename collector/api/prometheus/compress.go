package prometheus

import (
	"maps"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// compressFrom is the size in bytes below which an answer is not worth compressing.
const compressFrom = 1024

// compress answers in zstd or gzip when the client takes it. Prometheus' own handlers compress even the shortest answer, and add
// headers for requests of other origins; they do not see the request headers that ask for it.
func compress(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.EnableZstd(true), gzhttp.PreferZstd(true))
	if err != nil {
		return h // only a level that does not exist
	}
	return wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain := *r
		plain.Header = maps.Clone(r.Header)
		plain.Header.Del("Accept-Encoding")
		plain.Header.Del("Origin")
		h.ServeHTTP(w, &plain)
	}))
}
