package service

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// unitFile is what the files of a unit say: by section and name, in order.
type unitFile map[string]map[string][]string

// read adds what a file says; an assignment of nothing forgets what was said before.
func (u unitFile) read(raw []byte) {
	section, pending := "", ""
	for line := range bytes.Lines(raw) {
		text := strings.TrimSpace(strings.ToValidUTF8(string(line), "�"))
		if text == "" && pending == "" || strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";") {
			continue
		}
		if before, ok := strings.CutSuffix(text, `\`); ok {
			pending += before + " "
			continue
		}
		text, pending = pending+text, ""
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			section = text[1 : len(text)-1]
			continue
		}
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			continue
		}
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if u[section] == nil {
			u[section] = map[string][]string{}
		}
		if value == "" {
			delete(u[section], name)
			continue
		}
		u[section][name] = append(u[section][name], value)
	}
}

// last returns what a name was set to last, or the first command of those that add up.
func (u unitFile) last(section, name string) string {
	all := u[section][name]
	switch {
	case len(all) == 0:
		return ""
	case name == "ExecStart":
		return all[0]
	}
	return all[len(all)-1]
}

func (u unitFile) clone() unitFile {
	out := unitFile{}
	for section, all := range u {
		out[section] = maps.Clone(all)
		for name, values := range all {
			out[section][name] = slices.Clone(values)
		}
	}
	return out
}
