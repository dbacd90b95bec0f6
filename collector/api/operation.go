package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picketmon/picket/collector/access"
)

// Where an operation's metadata holds its roles, and what the adapter needs to know.
const (
	rolesKey  = "roles"
	fieldsKey = "fields"
	streamKey = "stream" // whether the answer has no end
	uploadKey = "upload" // the most bytes of a body that the handler reads itself
	limitKey  = "limit"  // the most bytes of a body that is longer than most
)

// anyRole admits everybody who is signed in: all roles imply Viewer.
var anyRole = []access.Role{access.Viewer}

// operation is one row of the API: what is asked, and who may.
type operation struct {
	id, method, path string
	summary          string
	description      string
	tag              string
	status           int               // of success; 0 means 200, or 204 when the answer has no body
	bodyLimit        int64             // bytes, of a JSON body that may be longer than maxBody
	file             map[string]string // by media type what an answer of any length holds, for the description; nil for all others
	stream           string            // what the events of an answer without end say, for the description; empty for all others
	upload           *upload           // of a body that the handler reads itself, however long that takes; nil for all others
	roles            []access.Role
}

// upload is a request body that is no JSON object.
type upload struct {
	limit int64 // bytes
	types []string
	doc   string
}

// answer is an answer with nothing but a body.
type answer[T any] struct{ Body T }

// nothing is an answer without a body, and a request without parameters.
type nothing struct{}

// created is an answer that tells where the new thing is.
type created[T any] struct {
	Location string `header:"Location"`
	Body     T
}

// register mounts an operation. Errors of h keep their kind on the way out.
func register[I, O any](a *api, op operation, h func(context.Context, *I) (*O, error)) {
	description := op.description
	security := []map[string][]string{{"bearer": {}}, {"basic": {}}, {"cookie": {}}}
	if len(op.roles) == 1 && op.roles[0] == access.Public {
		security = []map[string][]string{{}}
	} else if len(op.roles) > 0 {
		names := make([]string, len(op.roles))
		for i, r := range op.roles {
			names[i] = string(r)
		}
		description = strings.TrimSpace(description + "\n\nNeeds the role " + strings.Join(names, " or ") + ".")
	}
	o := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: description, Tags: []string{op.tag},
		DefaultStatus: op.status, Security: security,
		Metadata: map[string]any{rolesKey: op.roles, fieldsKey: bodyFields(reflect.TypeFor[I]()), streamKey: op.stream != "" || op.file != nil, uploadKey: op.upload, limitKey: op.bodyLimit},
		// The adapter reads bodies, within bounds of its own.
		MaxBodyBytes: -1, BodyReadTimeout: -1,
		Responses: map[string]*huma.Response{"4XX": a.failed, "5XX": a.failed},
	}
	if op.stream != "" {
		o.Responses["200"] = &huma.Response{Description: op.stream, Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}
	}
	if op.file != nil {
		o.Responses["200"] = &huma.Response{Description: "All of it", Content: map[string]*huma.MediaType{}}
		for media, what := range op.file {
			o.Responses["200"].Content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: what}}
		}
	}
	if f, ok := reflect.TypeFor[I]().FieldByName("Body"); ok {
		a.noteRequest(f.Type)
	}
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, &failure{err}
		}
		return out, nil
	})
	if op.upload != nil { // only now, or huma would read it
		body := &huma.RequestBody{Description: op.upload.doc, Required: true, Content: map[string]*huma.MediaType{}}
		for _, media := range op.upload.types {
			body.Content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		}
		a.huma.OpenAPI().Paths[op.path].Post.RequestBody = body
	}
}

// noteRequest notes the structs that a request body is made of.
func (a *api) noteRequest(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		a.noteRequest(t.Elem())
	case reflect.Struct:
		if name := huma.DefaultSchemaNamer(t, ""); t != reflect.TypeFor[time.Time]() && !a.requests[name] {
			a.requests[name] = true
			for f := range t.Fields() {
				a.noteRequest(f.Type)
			}
		}
	}
}

// bodyFields returns the JSON names of the fields of the request body, which is a flat struct.
func bodyFields(input reflect.Type) (names []string) {
	body, ok := input.FieldByName("Body")
	if !ok {
		return nil
	}
	for f := range body.Type.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// humaConfig describes the API as a whole. There is no page for people and no second copy of the schemas.
func humaConfig(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Picket", Version: version,
				Description: "Times are RFC 3339, ids 32 hex digits. A list has items, and next while more follow: give it back as after. " +
					"Request bodies are JSON; unknown fields and parameters are refused. Every change is in the audit log.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "An API token, or a session's secret from login with bearer"},
					"basic":  {Type: "http", Scheme: "basic", Description: "A user's name and password"},
					"cookie": {Type: "apiKey", In: "cookie", Name: access.SessionCookie, Description: "The cookie that login sets, for browsers"},
				},
			},
		},
		Formats: map[string]huma.Format{
			"application/json": huma.DefaultJSONFormat,
			// Huma's own form of errors goes through the motions of being sent: see keepError.
			"application/problem+json": {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: func([]byte, any) error { return huma.ErrUnknownContentType }},
		},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{keepError},
	}
}

func (a *api) schemaOf(v any) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}

// at returns the path of one thing, for the Location of what was made.
func at(collection, id string) string { return collection + "/" + id }

const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	patch  = http.MethodPatch
	remove = http.MethodDelete
)
