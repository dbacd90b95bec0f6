package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/picketmon/picket/internal/errs"
)

// pieces cuts a text into pieces of whole lines, so that the last piece holds the last line.
type pieces struct {
	text  io.Reader
	left  int64 // bytes that may still come
	limit int64
	buf   []byte
	given int // of buf, which the caller has
	end   int
	over  bool
}

var errLongLine = errors.New("line does not fit")

func newPieces(text io.Reader, limit int64, size int) *pieces {
	return &pieces{text: text, left: limit, limit: limit, buf: make([]byte, size, size+1)}
}

// next returns a piece, which is good until the next call, and whether it is the last. The last line may lack its line feed,
// for which there is room behind it.
func (p *pieces) next() (piece []byte, last bool, err error) {
	p.end = copy(p.buf, p.buf[p.given:p.end])
	p.given = 0
	for p.end < len(p.buf) && !p.over {
		n, err := p.text.Read(p.buf[p.end:])
		p.end += n
		if p.left -= int64(n); p.left < 0 {
			return nil, false, errs.New(errs.TooLarge, "the text is longer than %d bytes", p.limit)
		}
		if p.over = errors.Is(err, io.EOF); err != nil && !p.over {
			return nil, false, fmt.Errorf("read text: %w", err)
		}
	}
	if p.over {
		p.given = p.end
		return p.buf[:p.end], true, nil
	}
	at := bytes.LastIndexByte(p.buf[:p.end-1], '\n')
	if at < 0 {
		return nil, false, errLongLine
	}
	p.given = at + 1
	return p.buf[:p.given], false, nil
}

// maxImportProblems bounds what is told of a text that is wrong.
const maxImportProblems = 100

// importProblem is what is wrong with a line.
type importProblem struct {
	line int
	text string
}

// importProblems are all that is wrong with a text, as far as it was read.
type importProblems struct{ all []importProblem }

func (p *importProblems) add(line int, format string, args ...any) {
	p.all = append(p.all, importProblem{line, fmt.Sprintf(format, args...)})
}

// full reports whether there is nothing more to be learnt.
func (p *importProblems) full() bool { return len(p.all) >= maxImportProblems }

// Err returns nil without problems, else an error that names the first of them.
func (p *importProblems) Err() error {
	var out errs.Problems
	for _, one := range p.all[:min(len(p.all), maxImportProblems)] {
		out.Add(fmt.Sprintf("line %d", one.line), "%s", one.text)
	}
	if p.full() {
		out.Add("and more", "reading ended with the first %d problems", maxImportProblems)
	}
	return out.Err()
}
