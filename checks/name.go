package checks

// ValidName says whether s is a metric name as Prometheus has always known them: letters, digits, _ and :, no digit first.
func ValidName(s string) bool { return valid(s, true) }

// ValidLabelName says whether s is a label name: letters, digits and _, no digit first, not reserved by a leading __.
func ValidLabelName(s string) bool {
	return valid(s, false) && (len(s) < 2 || s[0] != '_' || s[1] != '_')
}

func valid(s string, colon bool) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':' && colon, c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return s != ""
}
