package transport

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/checks"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// schema is the definition of a row as it goes over the wire.
type schema struct {
	check      string
	n          int
	definition []byte // a marshalled pb.SchemaDefinition
}

// schemas keeps the definitions of all buffered rows, in memory for the rows checks report now and on disk for the rest. A schema is
// named by its content, so that records stay decodable over restarts.
type schemas struct {
	dir      string
	maxAge   time.Duration
	describe Describe

	mu     sync.Mutex
	now    map[string]*current // by check
	loaded map[uint64]*schema
}

type current struct {
	layout *schedule.Layout
	hash   uint64
	used   time.Time // when the file's time was last set
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func openSchemas(dir string, maxAge time.Duration, describe Describe) (*schemas, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make schema folder: %w", err)
	}
	s := &schemas{dir: dir, maxAge: maxAge, describe: describe, now: map[string]*current{}, loaded: map[uint64]*schema{}}
	return s, s.sweep(time.Now())
}

// put returns the name of the layout's schema, which is on disk when put returns.
func (s *schemas) put(l *schedule.Layout) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if c := s.now[l.Check]; c != nil && c.layout == l {
		if now.Sub(c.used) > s.maxAge/4 {
			c.used = now
			if err := s.keep(c.hash, now); err != nil {
				return 0, err
			}
		}
		return c.hash, nil
	}
	sch, err := s.define(l)
	if err != nil {
		return 0, err
	}
	hash := sch.hash()
	if err := s.write(hash, sch); err != nil {
		return 0, err
	}
	s.now[l.Check] = &current{layout: l, hash: hash, used: now}
	s.loaded[hash] = sch
	s.forget()
	return hash, nil
}

// get returns a schema by name.
func (s *schemas) get(hash uint64) (*schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sch := s.loaded[hash]; sch != nil {
		return sch, nil
	}
	sch, err := s.read(hash)
	if err != nil {
		return nil, err
	}
	s.loaded[hash] = sch
	s.forget()
	return sch, nil
}

// forget bounds what is held in memory: above 64 schemas only those of the present layouts stay.
func (s *schemas) forget() {
	if len(s.loaded) <= 64+len(s.now) {
		return
	}
	keep := make(map[uint64]*schema, len(s.now))
	for _, c := range s.now {
		if sch := s.loaded[c.hash]; sch != nil {
			keep[c.hash] = sch
		}
	}
	s.loaded = keep
}

// keep renews the file of a schema that is still in use, and sweeps.
func (s *schemas) keep(hash uint64, now time.Time) error {
	if err := os.Chtimes(s.path(hash), now, now); err != nil {
		if !errors.Is(err, fs.ErrNotExist) || s.loaded[hash] == nil {
			return fmt.Errorf("renew schema: %w", err)
		}
		if err := s.write(hash, s.loaded[hash]); err != nil {
			return err
		}
	}
	return s.sweep(now)
}

// sweep deletes schemas that no buffered record can need any more.
func (s *schemas) sweep(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list schemas: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < s.maxAge {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete old schema: %w", err)
		}
	}
	return nil
}

func (s *schemas) path(hash uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x.schema", hash))
}

// write stores a schema: CRC-32C of the rest, uvarint length of the check's name, name, definition.
func (s *schemas) write(hash uint64, sch *schema) error {
	body := append(appendString(make([]byte, 4), sch.check), sch.definition...)
	binary.LittleEndian.PutUint32(body, crc32.Checksum(body[4:], castagnoli))
	tmp, err := os.CreateTemp(s.dir, "new-*")
	if err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	_, err = tmp.Write(body)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), s.path(hash))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("write schema: %w", err)
	}
	return nil
}

func (s *schemas) read(hash uint64) (*schema, error) {
	body, err := os.ReadFile(s.path(hash))
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if len(body) < 4 || binary.LittleEndian.Uint32(body) != crc32.Checksum(body[4:], castagnoli) {
		return nil, fmt.Errorf("read schema %016x: %w", hash, errRecord)
	}
	d := &decoder{rest: body[4:]}
	sch := &schema{check: string(d.bytes(d.uvarint())), definition: d.rest}
	var def pb.SchemaDefinition
	if err := proto.Unmarshal(sch.definition, &def); d.failed || err != nil {
		return nil, fmt.Errorf("read schema %016x: %w", hash, errRecord)
	}
	sch.n = len(def.GetSeries())
	return sch, nil
}

func (s *schema) hash() uint64 {
	h := sha256.New()
	_, _ = h.Write(appendString(nil, s.check))
	_, _ = h.Write(s.definition)
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// define turns a layout into its wire form.
func (s *schemas) define(l *schedule.Layout) (*schema, error) {
	def := &pb.SchemaDefinition{}
	index := map[string]uint32{}
	symbol := func(v string) uint32 {
		i, ok := index[v]
		if !ok {
			v = strings.Clone(v)
			i = uint32(len(def.Symbols))
			index[v] = i
			def.Symbols = append(def.Symbols, v)
		}
		return i
	}
	symbol("") // 0 is the empty string
	described := map[string]bool{}
	for _, series := range l.Series {
		sd := &pb.SeriesDefinition{Kind: kind(series.Kind), Refs: []uint32{symbol(series.Name)}}
		for _, v := range series.Labels {
			sd.Refs = append(sd.Refs, symbol(v))
		}
		def.Series = append(def.Series, sd)
		if !described[series.Name] {
			described[series.Name] = true
			if help, unit := s.describe(series.Name); help != "" || unit != "" {
				def.Metadata = append(def.Metadata, &pb.Metadata{
					Name: symbol(series.Name), Help: symbol(toValid(help)), Unit: symbol(unit), Kind: kind(series.Kind),
				})
			}
		}
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(def)
	if err != nil {
		return nil, fmt.Errorf("encode schema of check %s: %w", l.Check, err)
	}
	return &schema{check: l.Check, n: len(l.Series), definition: raw}, nil
}

func kind(k checks.Kind) pb.Kind {
	switch k {
	case checks.KindGauge:
		return pb.Kind_KIND_GAUGE
	case checks.KindCounter:
		return pb.Kind_KIND_COUNTER
	}
	return pb.Kind_KIND_UNTYPED
}
