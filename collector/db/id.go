package db

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/uuid"
)

// NewID returns a new id of a row: a UUIDv7 as 32 lower-case hex digits. Ids made by one process ascend.
func NewID() string {
	id := uuid.Must(uuid.NewV7())
	return hex.EncodeToString(id[:])
}

// IsID reports whether s has the form of an id: 32 lower-case hex digits.
func IsID(s string) bool {
	if len(s) != 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Now returns the present in Unix milliseconds, as times are kept in the database.
func Now() int64 { return time.Now().UnixMilli() }

// Millis returns t in Unix milliseconds; the zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time returns the time of ms Unix milliseconds in UTC; 0 is the zero time.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Text makes s fit for a text column on both databases: NUL and invalid UTF-8 become U+FFFD.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
