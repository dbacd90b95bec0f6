package class

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The longest values in bytes, unless an attribute says otherwise.
const (
	maxString = 1000
	maxText   = 64 << 10
)

// Canonical returns the one form in which a value is kept: integers and decimals in base 10, booleans as true and false, times as RFC
// 3339 in UTC to the second, MAC addresses in lower case with colons, IP addresses as netip writes them, choices by their value. In
// goes text, a number, a boolean or nil, as JSON has them. ok is false when there is no value: nil, blank, or a MAC or IP address that
// is none. The error says what is wrong with any other value.
func (a *Attribute) Canonical(v any) (value string, ok bool, err error) {
	text, err := plain(v)
	if err != nil {
		return "", false, err
	}
	if strings.TrimSpace(text) == "" {
		return "", false, nil
	}
	if len(text) > a.max() {
		return "", false, fmt.Errorf("has %d bytes, at most %d are allowed", len(text), a.max())
	}
	switch a.Type {
	case MAC:
		value, ok = MACAddress(text)
		return value, ok, nil
	case IP:
		value, ok = IPAddress(text)
		return value, ok, nil
	case String, Text, Reference, "":
		return text, true, nil
	}
	value, err = a.scalar(strings.TrimSpace(text))
	return value, err == nil, err
}

func (a *Attribute) max() int {
	switch {
	case a.Max > 0:
		return a.Max
	case a.Type == Text:
		return maxText
	}
	return maxString
}

func (a *Attribute) scalar(text string) (string, error) {
	switch a.Type {
	case Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", fmt.Errorf("%.50q is not an integer", text)
		}
		return strconv.FormatInt(n, 10), nil
	case Decimal:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f-f != 0 {
			return "", fmt.Errorf("%.50q is not a decimal number", text)
		}
		return strconv.FormatFloat(f, 'f', -1, 64), nil
	case Boolean:
		switch strings.ToLower(text) {
		case "true", "1", "yes":
			return "true", nil
		case "false", "0", "no":
			return "false", nil
		}
		return "", fmt.Errorf("%.50q is neither true nor false", text)
	case Datetime:
		return datetime(text)
	default: // Choice
		return a.choice(text)
	}
}

// choice takes a choice's value, or its label in any case. Unknown values are kept: choices grow in other systems first.
func (a *Attribute) choice(text string) (string, error) {
	if _, ok := a.Choices[text]; ok {
		return text, nil
	}
	for value, label := range a.Choices {
		if strings.EqualFold(label, text) {
			return value, nil
		}
	}
	return "", fmt.Errorf("%.50q is not one of the choices", text)
}

// datetime takes RFC 3339, and the form of ServiceNow, which is UTC.
func datetime(text string) (string, error) {
	for _, form := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC().Format(time.RFC3339), nil
		}
	}
	return "", fmt.Errorf("%.50q is neither a time of RFC 3339 nor YYYY-MM-DD hh:mm:ss", text)
}

// plain returns a JSON value as text; nil is blank.
func plain(v any) (string, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		if !utf8.ValidString(x) || strings.ContainsRune(x, 0) {
			return "", fmt.Errorf("is not text in UTF-8")
		}
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case json.Number:
		return x.String(), nil
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), nil
	case int:
		return strconv.Itoa(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	}
	return "", fmt.Errorf("is a list or an object; text, a number, true, false or null are allowed")
}

// MACAddress returns a MAC address in lower case with colons, false when text is none.
func MACAddress(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if len(text) == 12 && !strings.ContainsAny(text, ":-.") {
		var parts []string
		for i := 0; i < 12; i += 2 {
			parts = append(parts, text[i:i+2])
		}
		text = strings.Join(parts, ":")
	} else if strings.ContainsAny(text, ":-") {
		parts := strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == '-' })
		for i, p := range parts {
			if len(p) == 1 {
				parts[i] = "0" + p
			}
		}
		text = strings.Join(parts, ":")
	}
	mac, err := net.ParseMAC(text)
	if err != nil {
		return "", false
	}
	return mac.String(), true
}

// IPAddress returns an IP address as netip writes it, without its zone; false when text is none.
func IPAddress(text string) (string, bool) {
	ip, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return "", false
	}
	return ip.Unmap().WithZone("").String(), true
}

// Placeholder reports whether a value of the attribute is one that vendors leave where there is none. It identifies nothing.
func (m *Model) Placeholder(attribute, value string) bool {
	patterns := m.placeholders[attribute]
	if len(patterns) == 0 {
		return false
	}
	value = strings.ToLower(strings.TrimSpace(value))
	if attribute == "serial_number" && strings.Trim(value, "0.-x ") == "" {
		return true
	}
	for _, p := range patterns {
		if prefix, glob := strings.CutSuffix(p, "*"); p == value || glob && strings.HasPrefix(value, prefix) {
			return true
		}
	}
	return false
}
