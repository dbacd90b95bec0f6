package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/picketmon/picket/collector/access"
)

// matrix says for every route who may: the columns are viewer, operator, service_desk, check_author, admin. Nobody else may
// what is not public. A request that is let in may still be wrong; that is for other tests.
const matrix = `
	GET    /api/openapi.json                  public
	GET    /api/v1/agents                     yes yes yes yes yes
	DELETE /api/v1/agents/{id}                no  yes no  no  yes
	GET    /api/v1/agents/{id}                yes yes yes yes yes
	GET    /api/v1/agents/{id}/events         yes yes yes yes yes
	GET    /api/v1/agents/{id}/facts          yes yes yes yes yes
	GET    /api/v1/agents/{id}/results        yes yes yes yes yes
	POST   /api/v1/agents/{id}/revoke         no  yes no  no  yes
	GET    /api/v1/api-tokens                 yes yes yes yes yes
	POST   /api/v1/api-tokens                 yes yes yes yes yes
	DELETE /api/v1/api-tokens/{id}            yes yes yes yes yes
	GET    /api/v1/audit-log                  no  no  no  no  yes
	GET    /api/v1/classes                    yes yes yes yes yes
	GET    /api/v1/classes/{name}             yes yes yes yes yes
	GET    /api/v1/duplicates                 yes yes yes yes yes
	POST   /api/v1/duplicates/{id}/dismiss    no  yes no  no  yes
	POST   /api/v1/duplicates/{id}/merge      no  yes no  no  yes
	POST   /api/v1/duplicates/{id}/undo       no  yes no  no  yes
	GET    /api/v1/enroll-tokens              no  yes no  no  yes
	POST   /api/v1/enroll-tokens              no  yes no  no  yes
	DELETE /api/v1/enroll-tokens/{id}         no  yes no  no  yes
	GET    /api/v1/gaps                       yes yes yes yes yes
	POST   /api/v1/imports/items              no  yes no  no  yes
	POST   /api/v1/imports/openmetrics        no  yes no  no  yes
	GET    /api/v1/items                      yes yes yes yes yes
	POST   /api/v1/items                      no  yes no  no  yes
	GET    /api/v1/items/export               yes yes yes yes yes
	POST   /api/v1/items/identify             no  yes no  no  yes
	DELETE /api/v1/items/{id}                 no  yes no  no  yes
	GET    /api/v1/items/{id}                 yes yes yes yes yes
	PATCH  /api/v1/items/{id}                 no  yes no  no  yes
	GET    /api/v1/items/{id}/difference      yes yes yes yes yes
	GET    /api/v1/items/{id}/history         yes yes yes yes yes
	GET    /api/v1/live                       yes yes yes yes yes
	POST   /api/v1/login                      public
	POST   /api/v1/login-link                 public
	POST   /api/v1/logout                     yes yes yes yes yes
	GET    /api/v1/me                         yes yes yes yes yes
	PUT    /api/v1/me/password                yes yes yes yes yes
	GET    /api/v1/metric-names               yes yes yes yes yes
	GET    /api/v1/relation-types             yes yes yes yes yes
	GET    /api/v1/relations                  yes yes yes yes yes
	POST   /api/v1/relations                  no  yes no  no  yes
	DELETE /api/v1/relations/{id}             no  yes no  no  yes
	GET    /api/v1/sessions                   yes yes yes yes yes
	DELETE /api/v1/sessions/{id}              yes yes yes yes yes
	GET    /api/v1/status                     yes yes yes yes yes
	GET    /api/v1/users                      no  no  no  no  yes
	POST   /api/v1/users                      no  no  no  no  yes
	DELETE /api/v1/users/{id}                 no  no  no  no  yes
	GET    /api/v1/users/{id}                 no  no  no  no  yes
	PATCH  /api/v1/users/{id}                 no  no  no  no  yes
	PUT    /api/v1/users/{id}/password        no  no  no  no  yes
`

var columns = []access.Role{access.Viewer, access.Operator, access.ServiceDesk, access.CheckAuthor, access.Admin}

func TestRoles(t *testing.T) {
	b := newBench(t)
	var rows []string
	for line := range strings.Lines(strings.TrimSpace(matrix)) {
		cells := strings.Fields(line)
		rows = append(rows, cells[0]+" "+cells[1])
		t.Run(cells[0]+" "+cells[1], func(t *testing.T) { checkRow(t, b, cells) })
	}
	var mounted []string
	for _, r := range b.router.Routes() {
		mounted = append(mounted, r.Method+" "+r.Pattern)
	}
	same(t, "the table and what is mounted", mounted, rows)
}

func checkRow(t *testing.T, b *bench, cells []string) {
	method, path, body := cells[0], strings.NewReplacer("{id}", "nosuch", "{name}", "nosuch").Replace(cells[1]), ""
	if method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		body = "{}"
	}
	anonymous := b.do("", method, path, body)
	if cells[2] == "public" {
		// A login without a name is wrong, not refused.
		if anonymous.status == http.StatusUnauthorized || anonymous.status == http.StatusForbidden {
			t.Errorf("nobody: %d", anonymous.status)
		}
		return
	}
	if kind, _ := anonymous.kind(); anonymous.status != http.StatusUnauthorized || kind != "unauthenticated" || anonymous.header.Get("WWW-Authenticate") == "" {
		t.Errorf("nobody: %d %s", anonymous.status, anonymous.text)
	}
	for i, role := range columns {
		r := b.do(string(role), method, path, body)
		kind, _ := r.kind()
		switch want := cells[2+i]; {
		case r.status == http.StatusUnauthorized || r.status >= 500:
			t.Errorf("%s: %d %s", role, r.status, r.text)
		case want == "yes" && r.status == http.StatusForbidden, want == "no" && (r.status != http.StatusForbidden || kind != "denied"):
			t.Errorf("%s: status %d, allowed %s", role, r.status, want)
		}
	}
}
