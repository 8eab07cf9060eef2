package sasl

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The file form of Users: a line with a version and the secret for fake keys,
// then one line for each user, with fields separated by tabs:
//
//	posthorn-users 1 c2VjcmV0…
//	alice@example.org	SCRAM-SHA-256$15000:c2FsdA==$c3RvcmVk:c2VydmVy	…
//	root@example.org	admin	plain=cGFzc3dvcmQ=	…
//
// Keys have the form of RFC 5803. Names contain no tabs: SASLprep refuses them.
const usersMagic = "posthorn-users 1 "

// MarshalText returns the table as text, ordered by name. It contains what is
// needed to guess passwords, and with KeepSecrets the passwords: other users of
// the machine must not be able to read it. A file of it is best replaced as a
// whole: written under another name with mode 0600, synced, and renamed.
func (u *Users) MarshalText() ([]byte, error) {
	secret := u.fakeSecret()
	b := append([]byte(usersMagic), b64.EncodeToString(secret)...)
	b = append(b, '\n')
	u.mu.RLock()
	defer u.mu.RUnlock()
	keys := make([]string, 0, len(u.users))
	for k := range u.users {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		b = u.users[k].append(b)
	}
	return b, nil
}

func (usr *user) append(b []byte) []byte {
	b = append(b, usr.name...)
	if usr.admin {
		b = append(b, "\tadmin"...)
	}
	if usr.secret != "" {
		b = append(b, "\tplain="...)
		b = b64.AppendEncode(b, []byte(usr.secret))
	}
	for i, h := range hashes {
		if k := &usr.keys[i]; k.Iterations > 0 {
			b = append(append(append(b, '\t'), h.name()...), '$')
			b = strconv.AppendInt(b, int64(k.Iterations), 10)
			b = b64.AppendEncode(append(b, ':'), k.Salt)
			b = b64.AppendEncode(append(b, '$'), k.StoredKey)
			b = b64.AppendEncode(append(b, ':'), k.ServerKey)
		}
	}
	return append(b, '\n')
}

// UnmarshalText replaces the users of the table by those of a text made by
// MarshalText. Lines that are empty or start with # are skipped. After an error
// the table is unchanged.
func (u *Users) UnmarshalText(text []byte) error {
	var loaded Users
	for i, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if loaded.secret == nil {
			s, ok := strings.CutPrefix(string(line), usersMagic)
			b, err := b64.DecodeString(s)
			if !ok || err != nil || len(b) < 16 {
				return fmt.Errorf("sasl: line %d: not a table of users", i+1)
			}
			loaded.secret = b
			continue
		}
		usr, err := parseUser(string(line))
		if err != nil {
			return fmt.Errorf("sasl: line %d: %w", i+1, err)
		}
		if loaded.find(usr.name) != nil {
			return fmt.Errorf("sasl: line %d: duplicate user %q", i+1, usr.name)
		}
		loaded.put(usr)
	}
	if loaded.secret == nil {
		return fmt.Errorf("sasl: not a table of users")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.users, u.secret, u.classes = loaded.users, loaded.secret, loaded.classes
	return nil
}

func parseUser(line string) (*user, error) {
	fields := strings.Split(line, "\t")
	name, err := Prep(fields[0])
	if err != nil {
		return nil, err
	}
	usr := &user{name: name}
	usable := false
	for _, f := range fields[1:] {
		if f == "admin" {
			usr.admin = true
			continue
		}
		if enc, ok := strings.CutPrefix(f, "plain="); ok {
			b, err := b64.DecodeString(enc)
			if err != nil {
				return nil, err
			}
			usr.secret = string(b)
			continue
		}
		h, keys, err := parseKeys(f)
		if err != nil {
			return nil, err
		}
		usr.keys[h], usable = keys, true
	}
	if name == "" || !usable {
		return nil, fmt.Errorf("user %q has no password", name)
	}
	return usr, nil
}

// parseKeys reads the form of RFC 5803 §2.
func parseKeys(s string) (Hash, SCRAMKeys, error) {
	var k SCRAMKeys
	scheme, rest, _ := strings.Cut(s, "$")
	info, values, _ := strings.Cut(rest, "$")
	count, salt, _ := strings.Cut(info, ":")
	stored, server, _ := strings.Cut(values, ":")
	for _, h := range hashes {
		if h.name() != scheme {
			continue
		}
		var err error
		if k.Iterations, err = parseIterations(count); err != nil {
			return h, k, err
		}
		for _, f := range []struct {
			dst *[]byte
			enc string
			ok  func(n int) bool
		}{
			{&k.Salt, salt, func(n int) bool { return n > 0 }},
			{&k.StoredKey, stored, func(n int) bool { return n == h.new().Size() }},
			{&k.ServerKey, server, func(n int) bool { return n == h.new().Size() }},
		} {
			if *f.dst, err = b64.DecodeString(f.enc); err != nil || !f.ok(len(*f.dst)) {
				return h, k, fmt.Errorf("bad %s keys", scheme)
			}
		}
		return h, k, nil
	}
	return 0, k, fmt.Errorf("unknown field %.20q", s)
}
