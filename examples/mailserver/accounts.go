package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/durable"
)

// accounts returns the users who may log in: those of the command line, or
// alice and bob, whose random passwords are made on the first start and kept in
// the data folder. The second result is the path of that file, empty with
// -user.
func accounts(c *config) ([]user, string, error) {
	if len(c.users) > 0 {
		seen := map[string]bool{}
		for _, u := range c.users {
			if seen[u.address] {
				return nil, "", fmt.Errorf("-user %s is given twice", u.address)
			}
			seen[u.address] = true
		}
		return c.users, "", nil
	}
	path := filepath.Join(c.data, "passwords")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		for _, name := range []string{"alice", "bob"} {
			content = fmt.Appendf(content, "%s@example.org:%s\n", name, strings.ToLower(rand.Text()[:16]))
		}
		err = durable.WriteFile(path, content, 0o600)
	}
	if err != nil {
		return nil, "", fmt.Errorf("the passwords: %w", err)
	}
	var users []user
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		u, err := parseUser(line)
		if err != nil {
			return nil, "", fmt.Errorf("%s has a bad line: %w", path, err)
		}
		users = append(users, u)
	}
	if len(users) == 0 {
		return nil, "", fmt.Errorf("%s names no account: remove it to have new ones made", path)
	}
	return users, path, nil
}
