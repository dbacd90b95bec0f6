package hardware

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// Module is a memory module.
type Module struct {
	Name         string `json:"name"`
	Slot         string `json:"slot"`
	Capacity     uint64 `json:"capacity"`        // MB
	Speed        uint64 `json:"speed,omitempty"` // MT/s
	Type         string `json:"type,omitempty"`  // DDR4, …
	Manufacturer string `json:"manufacturer,omitempty"`
	Serial       string `json:"serial_number,omitempty"`
	Model        string `json:"model_number,omitempty"`
	AssetTag     string `json:"asset_tag,omitempty"`
}

// MemorySource returns the kind memory_module.
func MemorySource(t inventory.Trees) inventory.Source {
	path := t.InSys("firmware/dmi/tables/DMI")
	return inventory.Source{
		Kind: "memory_module", Every: 10 * time.Minute, Stamp: inventory.Stamps(path),
		Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
			raw, err := inventory.ReadFile(path, 4<<20)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil, nil, &checks.Gap{Reason: "the firmware tells the kernel nothing of the machine (DMI)", Cause: checks.ErrNoData}
			case errors.Is(err, fs.ErrPermission):
				return nil, nil, &checks.Gap{Reason: "only root may read what the firmware tells of memory", Fix: readFirmware, Cause: err}
			case err != nil:
				return nil, nil, err
			}
			items, err := inventory.Collect("memory_module", parseModules(raw), func(m Module) string { return m.Slot })
			return items, nil, err
		},
	}
}

// parseModules reads the modules of SMBIOS's table: structures of type 17, each followed by its texts. Empty slots are left out.
func parseModules(raw []byte) []Module {
	var out []Module
	names := map[string]int{}
	for len(raw) >= 4 {
		size := int(raw[1])
		if size < 4 || size > len(raw) {
			break
		}
		fields := raw[:size]
		texts, rest := textsOf(raw[size:])
		if fields[0] == 17 {
			if m, ok := module(fields, texts); ok {
				if names[m.Slot]++; names[m.Slot] > 1 {
					m.Slot += " #" + strconv.Itoa(names[m.Slot])
					m.Name = m.Slot
				}
				out = append(out, m)
			}
		}
		if fields[0] == 127 {
			break // the end
		}
		raw = rest
	}
	return out
}

// textsOf returns the texts after a structure, which two zero bytes end.
func textsOf(raw []byte) (texts []string, rest []byte) {
	end := bytes.Index(raw, []byte{0, 0})
	if end < 0 {
		return nil, nil
	}
	for t := range bytes.SplitSeq(raw[:end], []byte{0}) {
		texts = append(texts, strings.TrimSpace(strings.ToValidUTF8(string(t), "�")))
	}
	return texts, raw[end+2:]
}

var memoryTypes = map[byte]string{
	0x03: "DRAM", 0x0F: "SDRAM", 0x12: "DDR", 0x13: "DDR2", 0x14: "DDR2 FB-DIMM", 0x18: "DDR3", 0x1A: "DDR4", 0x1B: "LPDDR", 0x1C: "LPDDR2", 0x1D: "LPDDR3",
	0x1E: "LPDDR4", 0x1F: "Logical non-volatile device", 0x20: "HBM", 0x21: "HBM2", 0x22: "DDR5", 0x23: "LPDDR5", 0x24: "HBM3",
}

func module(f []byte, texts []string) (m Module, ok bool) {
	word := func(at int) uint64 {
		if at+2 > len(f) {
			return 0
		}
		return uint64(binary.LittleEndian.Uint16(f[at:]))
	}
	text := func(at int) string {
		if at >= len(f) || f[at] == 0 || int(f[at]) > len(texts) {
			return ""
		}
		return meaning(texts[f[at]-1])
	}
	size := word(0x0C)
	switch {
	case size == 0 || size == 0xFFFF:
		return m, false
	case size == 0x7FFF && len(f) >= 0x20:
		size = uint64(binary.LittleEndian.Uint32(f[0x1C:]) & 0x7FFFFFFF)
	case size&0x8000 != 0: // in kB
		size = (size & 0x7FFF) >> 10
	}
	m = Module{
		Slot: text(0x10), Capacity: size, Manufacturer: text(0x17), Serial: text(0x18), AssetTag: text(0x19), Model: text(0x1A),
	}
	if bank := text(0x11); m.Slot == "" || bank != "" && !strings.Contains(m.Slot, bank) && strings.HasPrefix(m.Slot, "DIMM ") {
		m.Slot = strings.TrimSpace(bank + " " + m.Slot)
	}
	if m.Slot == "" {
		m.Slot = "slot"
	}
	m.Name = m.Slot
	if len(f) > 0x12 {
		m.Type = memoryTypes[f[0x12]]
	}
	if m.Speed = word(0x20); m.Speed == 0 || m.Speed == 0xFFFF {
		m.Speed = word(0x15)
	}
	if m.Speed == 0xFFFF {
		m.Speed = 0
	}
	return m, true
}
