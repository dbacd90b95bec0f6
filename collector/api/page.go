package api

import (
	"encoding/base64"

	"github.com/picketmon/picket/internal/errs"
)

// Paging are the parameters of every list that comes in pages.
type Paging struct {
	After string `query:"after" maxLength:"1024" doc:"The next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The most items to return"`
}

// list is one page.
type list[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Give it as after to get the following page; absent at the end"`
}

// position returns what the cursor stands for, "" for the first page.
func (p Paging) position() (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(p.After)
	if err != nil {
		return "", badCursor()
	}
	return string(raw), nil
}

func badCursor() error {
	var p errs.Problems
	p.Add("after", "is not the next of a page")
	return p.Err()
}

// cursor makes an opaque word of a position; "" stays "".
func cursor(position string) string { return base64.RawURLEncoding.EncodeToString([]byte(position)) }

// items converts what a store returns.
func items[S, T any](all []S, convert func(S) T) []T {
	out := make([]T, len(all))
	for i, s := range all {
		out[i] = convert(s)
	}
	return out
}

// pageOf cuts a page out of a list that its store returns whole. A position is an id, which must still be in the list.
func pageOf[S, T any](all []S, p Paging, id func(S) string, convert func(S) T) (*answer[list[T]], error) {
	position, err := p.position()
	if err != nil {
		return nil, err
	}
	start := 0
	if position != "" {
		for start < len(all) && id(all[start]) != position {
			start++
		}
		if start == len(all) {
			return nil, badCursor()
		}
		start++
	}
	page := all[start:min(start+p.Limit, len(all))]
	out := list[T]{Items: items(page, convert)}
	if start+len(page) < len(all) {
		out.Next = cursor(id(page[len(page)-1]))
	}
	return &answer[list[T]]{out}, nil
}
