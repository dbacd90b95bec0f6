package db_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// table is what both dialects must agree on, in one spelling.
type table struct {
	Columns []string // name, type, null or not, place in the primary key
	Indexes []string // name, unique or not, columns
	Foreign []string // column, target, what a delete does
	Checks  int      // those that stand for a type not counted
}

func TestDialectsAgree(t *testing.T) {
	var lists [2][]string
	for i, dialect := range []string{"sqlite", "postgres"} {
		entries, err := os.ReadDir("migrations/" + dialect)
		if err != nil {
			t.Fatal(err)
		}
		for n, e := range entries {
			if !strings.HasPrefix(e.Name(), fmt.Sprintf("%05d_", n+1)) {
				t.Errorf("migrations/%s/%s is not number %d of the sequence", dialect, e.Name(), n+1)
			}
			lists[i] = append(lists[i], e.Name())
		}
	}
	if diff := cmp.Diff(lists[0], lists[1]); diff != "" {
		t.Errorf("migrations of sqlite (-) and postgres (+):\n%s", diff)
	}
	lite, pg := sqliteSchema(t, dbtest.Open(t)), postgresSchema(t, dbtest.OpenPostgres(t))
	if len(lite) < 15 {
		t.Errorf("only %d tables found", len(lite))
	}
	if diff := cmp.Diff(lite, pg); diff != "" {
		t.Errorf("schemas of sqlite (-) and postgres (+):\n%s", diff)
	}
}

// query returns the rows of a query as text, columns joined by a blank; empty columns vanish.
func query(t *testing.T, d *db.DB, sql string, args ...any) []string {
	t.Helper()
	rows, err := d.QueryContext(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for rows.Next() {
		cells, ptrs := make([]string, len(columns)), make([]any, len(columns))
		for i := range cells {
			ptrs[i] = &cells[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.Join(slices.DeleteFunc(cells, func(c string) bool { return c == "" }), " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	boolCheck = regexp.MustCompile(`CHECK \((\w+) IN \(0, 1\)\)`)
	jsonCheck = regexp.MustCompile(`CHECK \(json_valid\((\w+)\)\)`)
)

func sqliteSchema(t *testing.T, d *db.DB) map[string]table {
	schema := map[string]table{}
	for _, name := range query(t, d, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_versions'") {
		ddl := query(t, d, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", name)[0]
		if !strings.Contains(ddl, ") STRICT") {
			t.Errorf("table %s is not STRICT", name)
		}
		special := map[string]string{}
		for kind, re := range map[string]*regexp.Regexp{"boolean": boolCheck, "json": jsonCheck} {
			for _, m := range re.FindAllStringSubmatch(ddl, -1) {
				special[m[1]] = kind
			}
		}
		columns := query(t, d, `SELECT name, CASE type WHEN 'INTEGER' THEN 'bigint' ELSE lower(type) END, CASE "notnull" WHEN 1 THEN 'not null' ELSE 'null' END,
			CASE pk WHEN 0 THEN '' ELSE 'key ' || pk END FROM pragma_table_info(?) ORDER BY cid`, name)
		for i, c := range columns {
			parts := strings.SplitN(c, " ", 3)
			if kind := special[parts[0]]; kind != "" {
				columns[i] = parts[0] + " " + kind + " " + parts[2]
			}
		}
		schema[name] = table{
			Columns: columns,
			Indexes: normalIndexes(query(t, d, "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ? ORDER BY name", name)),
			Foreign: query(t, d, `SELECT "from", "table", "to", lower(on_delete) FROM pragma_foreign_key_list(?) ORDER BY 1`, name),
			Checks:  strings.Count(ddl, "CHECK (") - len(special),
		}
	}
	return schema
}

func postgresSchema(t *testing.T, d *db.DB) map[string]table {
	schema := map[string]table{}
	for _, name := range query(t, d, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_versions'") {
		schema[name] = table{
			Columns: query(t, d, `SELECT column_name, data_type, CASE is_nullable WHEN 'NO' THEN 'not null' ELSE 'null' END,
				coalesce((SELECT 'key ' || array_position(conkey, ordinal_position::int2) FROM pg_constraint
					WHERE contype = 'p' AND conrelid = ?0::regclass), '')
				FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ?0 ORDER BY ordinal_position`, name),
			Indexes: normalIndexes(query(t, d, `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ?0
				AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = ?0::regclass) ORDER BY indexname`, name)),
			Foreign: query(t, d, `SELECT a.attname, c.confrelid::regclass::text, b.attname, CASE c.confdeltype WHEN 'c' THEN 'cascade' ELSE 'other' END
				FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
				JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
				WHERE c.contype = 'f' AND c.conrelid = ?::regclass ORDER BY 1`, name),
			Checks: len(query(t, d, "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ?::regclass", name)),
		}
	}
	return schema
}

var indexForm = regexp.MustCompile(`(?i)^CREATE (UNIQUE )?INDEX (\w+) ON (?:public\.)?\w+ (?:USING btree )?\((.*?)\)( WHERE .*)?$`)

func normalIndexes(ddl []string) []string {
	for i, s := range ddl {
		if m := indexForm.FindStringSubmatch(s); m != nil {
			where := strings.NewReplacer("(", "", ")", "", "::text", "").Replace(m[4])
			ddl[i] = strings.ToLower(m[2] + " " + m[1] + "(" + strings.ReplaceAll(m[3], `"`, "") + ")" + where)
		}
	}
	return ddl
}
