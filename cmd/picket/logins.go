package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// login is a session that is kept between calls.
type login struct {
	User  string `json:"user"`
	Token string `json:"token"`
}

// loginsFile returns where the logins are kept.
func (a *app) loginsFile() (string, error) {
	dir := a.env("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return "", fmt.Errorf("find the folder of configurations: %w", err)
		}
	}
	return filepath.Join(dir, "picket", "logins.json"), nil
}

// logins returns the kept logins by URL.
func (a *app) logins() (map[string]login, error) {
	file, err := a.loginsFile()
	if err != nil {
		return nil, err
	}
	all := map[string]login{}
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read logins: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read the logins in %s: run \"chmod 600 %s\", or remove it and log in anew", file, file)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read logins: %w", err)
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read logins: %s is damaged (%w): remove it and log in anew", file, err)
	}
	return all, nil
}

// keep stores the login for a URL, or removes it when it is zero. The file is replaced as a whole.
func (a *app) keep(url string, l login) (err error) {
	all, err := a.logins()
	if err != nil {
		return err
	}
	if l == (login{}) {
		delete(all, url)
	} else {
		all[url] = l
	}
	file, err := a.loginsFile()
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write logins: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("write logins: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".logins-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write logins: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write logins: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
