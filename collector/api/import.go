package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/metrics"
	"github.com/picketmon/picket/internal/errs"
)

// ImportFunc stores an OpenMetrics text with the labels set on every series, after confirm agreed.
type ImportFunc func(ctx context.Context, text io.Reader, labels map[string]string, confirm func(metrics.ImportResult) error) (metrics.ImportResult, error)

// Import is what became of a text.
type Import struct {
	Samples    int       `json:"samples" doc:"Stored"`
	Series     int       `json:"series" doc:"Of these samples"`
	Blocks     int       `json:"blocks" doc:"Made for them"`
	MinTime    time.Time `json:"min_time,omitzero" doc:"Of these samples"`
	MaxTime    time.Time `json:"max_time,omitzero"`
	TooOld     int       `json:"too_old" doc:"Samples left out because they are older than the retention"`
	Duplicates int       `json:"duplicates" doc:"Samples that the text has twice"`
	Exemplars  int       `json:"exemplars" doc:"Left out: exemplars are not stored"`
	Metadata   int       `json:"metadata" doc:"Metrics whose type, help or unit the text tells"`
}

func importOf(r metrics.ImportResult) Import {
	return Import{
		Samples: r.Samples, Series: r.Series, Blocks: r.Blocks, MinTime: r.MinTime, MaxTime: r.MaxTime, TooOld: r.TooOld,
		Duplicates: r.Duplicates, Exemplars: r.Exemplars, Metadata: r.Metadata,
	}
}

type importInput struct {
	Label []string `query:"label,explode" maxItems:"20" doc:"name=value: set on every series, in place of a label of that name; may be given several times"`
}

func (a *api) mountImports() {
	register(a, operation{
		id: "import-openmetrics", method: post, path: "/api/v1/imports/openmetrics", tag: "metric", roles: []access.Role{access.Operator},
		upload: &upload{
			limit: a.ImportMaxBytes, types: []string{"application/openmetrics-text"},
			doc: "OpenMetrics 1.0 text that ends with # EOF, plain or with Content-Encoding gzip",
		},
		summary: "Store samples of any age that an OpenMetrics text has",
		description: "Each sample needs a timestamp. All of it is stored and visible when the answer comes, or nothing: 400 names the first " +
			"hundred problems by their lines. What is stored already may come again. One import runs at a time: 409 during another.",
	}, a.importText)
}

func (a *api) importText(ctx context.Context, in *importInput) (*answer[Import], error) {
	labels, err := labelsOf(in.Label)
	if err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	body := &uploaded{body: x.r.Body, control: http.NewResponseController(x.w)}
	defer body.release()
	text, err := textOf(x.r.Header, body)
	if err != nil {
		return nil, err
	}
	result, err := a.Import(ctx, text, labels, func(r metrics.ImportResult) error {
		return a.Access.Audit(ctx, access.Entry{Action: "metric.import", TargetType: "metric", Detail: struct {
			Labels map[string]string `json:"labels,omitempty"`
			Import
		}{labels, importOf(r)}})
	})
	return &answer[Import]{importOf(result)}, err
}

// labelsOf reads name=value.
func labelsOf(given []string) (map[string]string, error) {
	var p errs.Problems
	labels := map[string]string{}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		switch _, twice := labels[name]; {
		case !ok || name == "" || value == "":
			p.Add("label", "%q is not name=value", text)
		case twice:
			p.Add("label", "%q is given twice", name)
		}
		labels[name] = value
	}
	return labels, p.Err()
}

// textOf returns the text of an upload.
func textOf(h http.Header, body io.Reader) (io.Reader, error) {
	if media, params, err := mime.ParseMediaType(h.Get("Content-Type")); err == nil {
		if version := params["version"]; media == "application/openmetrics-text" && version != "" && !strings.HasPrefix(version, "1.") && !strings.HasPrefix(version, "0.") {
			return nil, errs.New(errs.Invalid, "OpenMetrics %s cannot be imported, only 1.0 can", version)
		}
		if strings.HasPrefix(media, "multipart/") {
			return nil, errs.New(errs.Invalid, "send the text itself as the body, not a form")
		}
	}
	switch encoding := h.Get("Content-Encoding"); encoding {
	case "", "identity":
		return body, nil
	case "gzip":
		return &unzipped{body: body}, nil
	default:
		return nil, errs.New(errs.Invalid, "content encoding %q is not known: send plain text or gzip", encoding)
	}
}

// uploadPause is how long an upload may pause.
const uploadPause = time.Minute

// uploaded is a request body that may take as long as it takes, as long as something comes.
type uploaded struct {
	body    io.Reader
	control *http.ResponseController
	until   time.Time
}

// Read implements io.Reader. Its errors have kinds.
func (u *uploaded) Read(b []byte) (int, error) {
	if now := time.Now(); u.until.Sub(now) < uploadPause-time.Second {
		u.until = now.Add(uploadPause)
		_ = u.control.SetReadDeadline(u.until) // a writer of tests has none
	}
	n, err := u.body.Read(b)
	var timeout net.Error
	switch {
	case err == nil, errors.Is(err, io.EOF), access.Status(err) == http.StatusRequestEntityTooLarge:
		return n, err
	case errors.As(err, &timeout) && timeout.Timeout():
		return n, errs.Wrap(errs.Invalid, err, "nothing came for %s", uploadPause)
	}
	return n, errs.Wrap(errs.Invalid, err, "the request body did not arrive whole")
}

// release takes the time limit away: what works on the upload may take longer than a pause.
func (u *uploaded) release() { _ = u.control.SetReadDeadline(time.Time{}) }

// unzipped is the text of a body in gzip.
type unzipped struct {
	body io.Reader
	zip  *gzip.Reader
}

// Read implements io.Reader.
func (u *unzipped) Read(b []byte) (n int, err error) {
	if u.zip == nil {
		if u.zip, err = gzip.NewReader(u.body); err != nil {
			return 0, zipError(err)
		}
	}
	n, err = u.zip.Read(b)
	return n, zipError(err)
}

// zipError gives errors a kind that the body did not give one.
func zipError(err error) error {
	if err == nil || errors.Is(err, io.EOF) || access.Status(err) != http.StatusInternalServerError {
		return err
	}
	return errs.Wrap(errs.Invalid, err, "the gzip stream is broken")
}
