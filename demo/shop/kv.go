package shop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// The bounds of the store.
const (
	maxKeys = 10_000
	maxWAL  = 4 << 20 // bytes, above which the file is written anew with what counts
)

// kv is a map that survives its process: each change is appended to a file, synced once a second by settle.
type kv struct {
	path    string
	written func(bytes int)

	mu     sync.Mutex
	values map[string]string
	file   *os.File
	size   int64
	dirty  bool
}

// entry is a line of the file.
type entry struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// openKV reads the file, up to a line that was not written to its end.
func openKV(path string, written func(int)) (*kv, error) {
	k := &kv{path: path, written: written, values: map[string]string{}}
	old, err := os.Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open write-ahead file: %w", err)
	}
	if err == nil {
		lines := bufio.NewScanner(old)
		for lines.Scan() {
			var e entry
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				break
			}
			k.values[e.Key] = e.Value
		}
		if err := errors.Join(lines.Err(), old.Close()); err != nil {
			return nil, fmt.Errorf("read write-ahead file: %w", err)
		}
	}
	return k, k.compact()
}

// compact writes the file anew.
func (k *kv) compact() error {
	f, err := os.CreateTemp(filepath.Dir(k.path), "wal-*")
	if err != nil {
		return fmt.Errorf("write write-ahead file: %w", err)
	}
	var size int64
	w := bufio.NewWriter(f)
	for key, value := range k.values {
		line, err := json.Marshal(entry{key, value})
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		n, _ := w.Write(append(line, '\n')) // Flush tells
		size += int64(n)
	}
	if err := errors.Join(w.Flush(), f.Sync(), os.Rename(f.Name(), k.path)); err != nil {
		return fmt.Errorf("write write-ahead file: %w", errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	k.written(int(size))
	if k.file != nil {
		err = k.file.Close()
	}
	k.file, k.size = f, size
	return err
}

func (k *kv) get(key string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.values[key]
	return v, ok
}

func (k *kv) put(key, value string) error {
	line, err := json.Marshal(entry{key, value})
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.values[key]; !ok && len(k.values) >= maxKeys {
		return fmt.Errorf("there are %d keys already", maxKeys)
	}
	n, err := k.file.Write(append(line, '\n'))
	k.size += int64(n)
	k.written(n)
	if err != nil {
		return err
	}
	k.values[key], k.dirty = value, true
	return nil
}

// settle syncs what was written, and makes a file that has grown large small again.
func (k *kv) settle() (keys int, size int64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.size > maxWAL:
		err = k.compact()
	case k.dirty:
		err = k.file.Sync()
	}
	k.dirty = false
	return len(k.values), k.size, err
}

func (k *kv) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return errors.Join(k.file.Sync(), k.file.Close())
}
