package buffer

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// childEnv makes the test binary a writer to the spool in the directory it names.
const childEnv = "PICKET_SPOOL_CHILD"

func killOptions(dir string) Options {
	return Options{
		Dir: dir, Logger: slog.New(slog.DiscardHandler), MaxBytes: 1 << 30, SegmentBytes: 16 << 10, MinFreeRatio: -1,
		SyncEvery: 5 * time.Millisecond,
	}
}

// childMain appends and acknowledges until it is killed. It says "rec CLASS SEQ CRC" after an Append returned, and
// "ack CLASS SEQ" before it acknowledges.
func childMain() int {
	b, err := Open(killOptions(os.Getenv(childEnv)))
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	go func() { _ = b.Run(context.Background()) }()
	for {
		c := Class(1 + rand.IntN(classes))
		size := 3000
		if rand.IntN(10) == 0 {
			size = 1 << 20 // long enough to be killed inside
		}
		data := make([]byte, rand.IntN(size))
		for i := range data {
			data[i] = byte(i) ^ byte(len(data))
		}
		seq, err := b.Append(c, time.Now().UnixMilli(), data)
		if err != nil {
			fmt.Println("error", err)
			return 1
		}
		fmt.Printf("rec %d %d %08x\n", c, seq, crc32.ChecksumIEEE(data))
		if rand.IntN(40) == 0 && seq > 30 {
			fmt.Printf("ack %d %d\n", c, seq-30)
			if err := b.Ack(c, seq-30, nil); err != nil {
				fmt.Println("error", err)
				return 1
			}
		}
	}
}

// TestKill kills a real writer at random moments, over and over on the same spool. Every record whose Append returned must be
// there unless it was acknowledged, with its bytes, and no sequence may ever be given twice.
func TestKill(t *testing.T) {
	kills := 25
	if os.Getenv("PICKET_SOAK") == "1" {
		kills = 1000
	}
	dir := t.TempDir()
	sums := map[Class]map[uint64]string{}
	acked := map[Class]uint64{}
	for c := Results; c <= Logs; c++ {
		sums[c] = map[uint64]string{}
	}
	records, torn := 0, uint64(0)
	for i := range kills {
		out := runChild(t, dir, time.Duration(rand.Int64N(int64(40*time.Millisecond))))
		for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
			var kind, sum string
			var c Class
			var seq uint64
			if n, _ := fmt.Sscanf(line, "%s %d %d %s", &kind, &c, &seq, &sum); n < 3 {
				t.Fatalf("kill %d: the writer says %q", i, line)
			}
			if kind == "ack" {
				acked[c] = max(acked[c], seq)
				continue
			}
			if sums[c][seq] != "" {
				t.Fatalf("kill %d: %v %d was given twice", i, c, seq)
			}
			sums[c][seq] = sum
			records++
		}
		torn += checkKilled(t, i, dir, sums, acked)
	}
	t.Logf("%d kills, %d records whose Append returned, 0 lost, 0 given twice, %d torn tails", kills, records, torn)
}

// runChild starts a writer, kills it after d once it has written something, and returns what it said.
func runChild(t *testing.T, dir string, d time.Duration) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(pipe)
	first, err := r.ReadString('\n')
	if err != nil {
		t.Errorf("the writer said nothing: %v", err)
	}
	timer := time.AfterFunc(d, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	rest, _ := io.ReadAll(r)
	_ = cmd.Wait()
	return first + string(rest)
}

func checkKilled(t *testing.T, kill int, dir string, sums map[Class]map[uint64]string, acked map[Class]uint64) uint64 {
	t.Helper()
	var drops []Drop
	opt := killOptions(dir)
	opt.OnDrop = func(d Drop) { drops = append(drops, d) }
	b, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { // as if this process were killed too
		b.closeFiles()
		_ = b.lock.Close()
	}()
	if b.deliver(); len(drops) > 0 {
		t.Fatalf("kill %d: drops %+v", kill, drops)
	}
	for c := Results; c <= Logs; c++ {
		got := map[uint64]bool{}
		for after := uint64(0); ; {
			rec, ok, err := b.Next(c, after)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if want := sums[c][rec.Seq]; want != "" && want != fmt.Sprintf("%08x", crc32.ChecksumIEEE(rec.Data)) {
				t.Fatalf("kill %d: %v %d has other bytes", kill, c, rec.Seq)
			}
			got[rec.Seq], after = true, rec.Seq
		}
		for seq := range sums[c] {
			if seq > acked[c] && !got[seq] {
				t.Fatalf("kill %d: %v %d is lost", kill, c, seq)
			}
		}
	}
	return b.Stats().Damaged
}
