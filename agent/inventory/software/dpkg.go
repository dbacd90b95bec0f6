package software

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// longestLine of a package database; what is longer is passed over.
const longestLine = 64 << 10

// lines calls each with every line of r, without its end. The bytes are valid during the call. Lines that are too long come cut.
func lines(r io.Reader, each func(line []byte)) error {
	b := bufio.NewReaderSize(r, longestLine)
	for {
		line, err := b.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if len(line) > 0 {
			each(bytes.TrimRight(line, "\r\n"))
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of the line
			_, err = b.ReadSlice('\n')
		}
		if full && err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readDpkg reads dpkg's status file. Packages of which only the settings are left are not installed.
func readDpkg(r io.Reader, each func(Package)) error {
	p := Package{Manager: "dpkg"}
	installed, broken := false, false
	flush := func() {
		if p.Name != "" && p.Version != "" && installed {
			each(p)
		} else if p.Name == "" && p.Version != "" {
			broken = true
		}
		p, installed = Package{Manager: "dpkg"}, false
	}
	err := lines(r, func(line []byte) {
		if len(line) == 0 {
			flush()
			return
		}
		if line[0] == ' ' || line[0] == '\t' {
			return // goes on
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return
		}
		text := func() string { return strings.ToValidUTF8(string(bytes.TrimSpace(value)), "�") }
		switch string(name) {
		case "Package":
			p.Name = text()
		case "Version":
			p.Version = text()
		case "Architecture":
			p.Architecture = text()
		case "Maintainer":
			p.Vendor, _, _ = strings.Cut(text(), " <")
		case "Source":
			p.Source, _, _ = strings.Cut(text(), " ")
		case "Section":
			p.Section = text()
		case "Description":
			p.Description = text()
		case "Installed-Size":
			if kb, err := strconv.ParseInt(text(), 10, 40); err == nil && kb > 0 {
				p.Size = kb << 10
			}
		case "Status":
			installed = p.status(strings.Fields(text()))
		}
	})
	flush()
	if err == nil && broken {
		err = errors.New("a package without a name")
	}
	return err
}

// status takes the words of a Status line and reports whether the package is there, at least in part.
func (p *Package) status(words []string) bool {
	if len(words) < 3 {
		return false
	}
	p.Held = words[0] == "hold"
	if words[2] != "installed" {
		p.Status = words[2]
	}
	return words[2] != "not-installed" && words[2] != "config-files"
}

// readApk reads apk's database of installed packages.
func readApk(r io.Reader, each func(Package)) error {
	p := Package{Manager: "apk"}
	flush := func() {
		if p.Name != "" && p.Version != "" {
			each(p)
		}
		p = Package{Manager: "apk"}
	}
	err := lines(r, func(line []byte) {
		if len(line) == 0 {
			flush()
			return
		}
		if len(line) < 2 || line[1] != ':' {
			return
		}
		text := func() string { return strings.ToValidUTF8(string(bytes.TrimSpace(line[2:])), "�") }
		switch line[0] {
		case 'P':
			p.Name = text()
		case 'V':
			p.Version = text()
		case 'A':
			p.Architecture = text()
		case 'T':
			p.Description = text()
		case 'm':
			p.Vendor, _, _ = strings.Cut(text(), " <")
		case 'o':
			if o := text(); o != p.Name {
				p.Source = o
			}
		case 'I':
			if n, err := strconv.ParseInt(text(), 10, 62); err == nil && n > 0 {
				p.Size = n
			}
		}
	})
	flush()
	return err
}
