package sasl

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Users is a table of users with their passwords, hashed: an Authenticator
// that serves PLAIN, LOGIN and SCRAM, and with KeepSecrets also CRAM-MD5,
// DIGEST-MD5 and APOP. The zero value is an empty table. It is safe for
// concurrent use.
//
// User names are not case-sensitive. The identity of a user is the name as
// passed to Set.
//
// Passwords are checked against the keys of SCRAM, which are derived with
// PBKDF2 and a different salt for each user. MarshalText and UnmarshalText
// convert the table to text and back.
//
// A name that is not in the table is answered like one that is: it costs the
// same hash and number of rounds, and SCRAM shows it a salt of the same length.
// Where the users of the table differ in these, so do the unknown names, in the
// same proportions; which of them a name has depends on a secret that is kept
// with the table. A login costs less only where one of the same user with the same
// password has succeeded a short while ago; see Remember.
type Users struct {
	// Iterations is the cost of hashing the passwords that are Set from now on:
	// the number of PBKDF2 rounds of a login, on the server for PLAIN and on
	// the client for SCRAM. Zero means DefaultIterations; it must not be below
	// MinIterations. It must not be changed while the table is in use.
	// Passwords that were Set before, or loaded, keep their number of rounds.
	Iterations int

	// KeepSecrets stores the passwords that are Set from now on in the clear.
	// Anybody who obtains the table then has them. It must not be changed while
	// the table is in use.
	KeepSecrets bool

	// Checks bounds the checks of passwords at work at the same time, for all servers
	// that the table is the Authenticator of. Other Authenticators may have the same.
	// Nil: one of its own, with the defaults.
	Checks *Checks

	// Remember is for how long, and at most twice as long, the table knows by which
	// password a user has logged in from a client network, after the last time: such
	// a login costs one hash instead of Iterations, and waits for no turn. It ends
	// with a change of the password. Zero: DefaultRemember; negative: it is not
	// known.
	Remember time.Duration

	own    Checks
	recent recentKeys
	check  func(k SCRAMKeys, h Hash, password string) bool // of tests; nil: SCRAMKeys.Check

	mu      sync.RWMutex
	users   map[string]*user // by folded name
	secret  []byte           // for the fake keys of unknown users
	classes classes          // of users
}

// user is immutable once in the table.
type user struct {
	name   string
	admin  bool
	secret string // empty unless kept
	keys   [len(hashes)]SCRAMKeys
	recent *recent // not part of the record
}

var hashes = [...]Hash{SHA1, SHA256, SHA512}

var (
	_ Authenticator = (*Users)(nil)
	_ SCRAMKeeper   = (*Users)(nil)
	_ SecretKeeper  = (*Users)(nil)
	_ Authorizer    = (*Users)(nil)
	_ Offerer       = (*Users)(nil)
)

func fold(name string) string { return strings.ToLower(name) }

func (u *Users) iterations() int {
	if u.Iterations == 0 {
		return DefaultIterations
	}
	return u.Iterations
}

// Set adds a user or changes its password. The error is ErrMalformed if the
// name or the password is empty or SASLprep refuses it.
func (u *Users) Set(name, password string) error {
	name, password, err := prepCredentials(name, password)
	if err != nil {
		return err
	}
	if password == "" {
		return malformed("empty password")
	}
	usr := &user{name: name}
	if u.KeepSecrets {
		usr.secret = password
	}
	for i, h := range hashes {
		if usr.keys[i], err = NewSCRAMKeys(h, password, u.iterations()); err != nil {
			return err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if old := u.users[fold(name)]; old != nil {
		usr.admin = old.admin
	}
	u.put(usr)
	return nil
}

func (u *Users) put(usr *user) {
	if u.users == nil {
		u.users = map[string]*user{}
	}
	if usr.recent == nil {
		usr.recent = new(recent)
	}
	u.drop(usr.name)
	u.users[fold(usr.name)] = usr
	u.classes.add(usr.class(), 1)
}

func (u *Users) drop(name string) bool {
	old := u.users[fold(name)]
	if old != nil {
		u.classes.add(old.class(), -1)
		delete(u.users, fold(name))
	}
	return old != nil
}

// ErrNoUser: the table has no user of that name.
var ErrNoUser = errors.New("sasl: no such user")

// SetAdmin says whether the user may act as every other user.
func (u *Users) SetAdmin(name string, on bool) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	old := u.users[fold(name)]
	if old == nil {
		return fmt.Errorf("%w: %q", ErrNoUser, name)
	}
	changed := *old
	changed.admin = on
	u.put(&changed)
	return nil
}

// Remove removes a user from the table, and reports whether it was there.
func (u *Users) Remove(name string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.drop(name)
}

// Names returns the names of all users in byte order.
func (u *Users) Names() []string {
	u.mu.RLock()
	defer u.mu.RUnlock()
	names := make([]string, 0, len(u.users))
	for _, usr := range u.users {
		names = append(names, usr.name)
	}
	slices.Sort(names)
	return names
}

// Lookup returns the name of a user as passed to Set.
func (u *Users) Lookup(name string) (identity string, ok bool) {
	if usr := u.find(name); usr != nil {
		return usr.name, true
	}
	return "", false
}

func (u *Users) find(name string) *user {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.users[fold(name)]
}

// fakeSecret returns the secret for fake keys, and makes it if there is none.
func (u *Users) fakeSecret() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.secret == nil {
		u.secret = rnd(32)
	}
	return u.secret
}

// Authenticate checks a password, in its turn (Checks), unless it is remembered.
func (u *Users) Authenticate(ctx context.Context, name, password string) (identity string, err error) {
	checks := u.Checks
	if checks == nil {
		checks = &u.own
	}
	c, _ := ConnFromContext(ctx)
	network := c.network()
	// Where the line is full a right guess gets no other answer than a wrong one.
	if checks.full(network) {
		return "", ErrBusy
	}
	usr, known := u.serve(name)
	if u.recalls(usr, network, password) && known {
		return usr.name, nil
	}
	err = checks.Do(ctx, func() error {
		usr, known = u.serve(name) // it may have changed
		if !u.checkPassword(usr, password) || !known {
			return ErrAuthFailed
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	u.learn(usr, network, password)
	return usr.name, nil
}

func (u *Users) checkPassword(usr *user, password string) bool {
	check := u.check
	if check == nil {
		check = SCRAMKeys.Check
	}
	h := usr.passwordHash()
	return check(usr.keys[h], h, password)
}

// passwordHash returns the hash that passwords are checked with.
func (usr *user) passwordHash() Hash {
	for _, h := range [...]Hash{SHA256, SHA1, SHA512} {
		if usr.keys[h].Iterations > 0 {
			return h
		}
	}
	return SHA256
}

// SCRAMKeys returns a user's keys, or fake ones for an unknown user.
func (u *Users) SCRAMKeys(_ context.Context, name string, h Hash) (string, SCRAMKeys, error) {
	if int(h) >= len(hashes) {
		return "", SCRAMKeys{}, ErrUnsupported
	}
	usr, _ := u.serve(name)
	if usr.keys[h].Iterations == 0 { // Offers says no
		return name, FakeSCRAMKeys(u.fakeSecret(), fold(name), h, u.iterations()), nil
	}
	return usr.name, usr.keys[h], nil
}

// Secret returns a stored password.
func (u *Users) Secret(_ context.Context, name string) (string, string, error) {
	usr := u.find(name)
	if usr == nil || usr.secret == "" {
		return "", "", ErrAuthFailed
	}
	return usr.name, usr.secret, nil
}

// Authorize lets users act as themselves, and administrators as every user.
func (u *Users) Authorize(_ context.Context, identity, authzid string) (string, error) {
	if subtle.ConstantTimeCompare([]byte(fold(identity)), []byte(fold(authzid))) == 1 {
		return identity, nil
	}
	self, other := u.find(identity), u.find(authzid)
	if self == nil || !self.admin || other == nil {
		return "", ErrAuthzDenied
	}
	return other.name, nil
}

// Offers reports whether a mechanism can serve every user of the table. One
// that would fail for some is not offered, since clients select the strongest.
func (u *Users) Offers(mechanism string) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	switch mechanism {
	case "CRAM-MD5", "DIGEST-MD5", "APOP":
		return u.classes.all(func(c *class) bool { return c.secret })
	}
	for i, h := range hashes {
		if strings.TrimSuffix(mechanism, "-PLUS") == h.name() {
			return u.classes.all(func(c *class) bool { return c.keys[i].iterations > 0 })
		}
	}
	return true
}
