package prometheus

import (
	"encoding/json"
	"testing"
)

type point struct {
	second int64
	value  string
}

type line struct {
	name   string // metric name and instance
	points []point
}

// decodeMatrix reads the answer to a range selector.
func decodeMatrix(t testing.TB, body string) []line {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	var lines []line
	for _, r := range answer.Data.Result {
		l := line{name: r.Metric["__name__"] + " " + r.Metric["instance"]}
		for _, v := range r.Values {
			second, _ := v[0].(float64)
			text, _ := v[1].(string)
			l.points = append(l.points, point{int64(second), text})
		}
		lines = append(lines, l)
	}
	return lines
}
