package sasl

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// A class is what a stranger can observe of a user: the work that a check of the
// password takes, and what SCRAM shows before it. Unknown users are given the
// class of real ones, or they could be told apart by it.
type class struct {
	keys   [len(hashes)]keyClass
	secret bool // a password is kept in the clear
}

type keyClass struct{ iterations, salt int } // zero: no keys for this hash

func (usr *user) class() class {
	c := class{secret: usr.secret != ""}
	for i, k := range usr.keys {
		if k.Iterations > 0 {
			c.keys[i] = keyClass{k.Iterations, len(k.Salt)}
		}
	}
	return c
}

// compare orders classes by their cost, so that when users of one move to the
// next, unknown users do so too.
func (c class) compare(d class) int {
	for i := range hashes {
		if r := cmp.Or(cmp.Compare(c.keys[i].iterations, d.keys[i].iterations), cmp.Compare(c.keys[i].salt, d.keys[i].salt)); r != 0 {
			return r
		}
	}
	switch {
	case c.secret == d.secret:
		return 0
	case d.secret:
		return -1
	}
	return 1
}

// classes are those of the users of a table, in order, each with the number of
// its users. Most tables have one.
type classes []classCount

type classCount struct {
	class
	users int
}

func (l *classes) add(c class, n int) {
	i, ok := slices.BinarySearchFunc(*l, c, func(e classCount, c class) int { return e.compare(c) })
	if !ok {
		*l = slices.Insert(*l, i, classCount{class: c})
	}
	if (*l)[i].users += n; (*l)[i].users == 0 {
		*l = slices.Delete(*l, i, i+1)
	}
}

// all reports whether all users are in classes for which ok returns true.
func (l classes) all(ok func(*class) bool) bool {
	return !slices.ContainsFunc(l, func(e classCount) bool { return !ok(&e.class) })
}

// pick returns the class at a fraction of the users, of 1<<64.
func (l classes) pick(fraction uint64) class {
	total := 0
	for i := range l {
		total += l[i].users
	}
	at, _ := bits.Mul64(fraction, uint64(total))
	for i := range l {
		if at < uint64(l[i].users) {
			return l[i].class
		}
		at -= uint64(l[i].users)
	}
	return class{}
}

// serve returns the user of that name, or in its place one whom no password
// fits. The same is done for both.
func (u *Users) serve(name string) (usr *user, known bool) {
	u.fakeSecret()
	u.mu.RLock()
	defer u.mu.RUnlock()
	stranger := u.stranger(name)
	if usr := u.users[fold(name)]; usr != nil {
		return usr, true
	}
	return stranger, false
}

// stranger makes the user that an unknown name is served as. Like a real user's,
// its class and salts stay the same from one exchange and one start of the
// server to the next. The caller holds u.mu.
func (u *Users) stranger(name string) *user {
	var c class
	if key := SHA512.hmac(u.secret, "class "+fold(name)); len(u.classes) > 0 {
		c = u.classes.pick(binary.BigEndian.Uint64(key))
	} else { // what Set would make
		for i := range c.keys {
			c.keys[i] = keyClass{u.iterations(), saltSize}
		}
	}
	usr := &user{name: name, recent: new(recent)}
	for i, h := range hashes {
		k := c.keys[i]
		if k.iterations == 0 {
			continue
		}
		// A new number of rounds comes with a new password, and so a new salt.
		id := strconv.Itoa(k.iterations) + " " + fold(name)
		keys := FakeSCRAMKeys(u.secret, id, h, k.iterations)
		for len(keys.Salt) < k.salt { // an imported one may have any length
			keys.Salt = append(keys.Salt, SHA512.hmac(u.secret, "salt "+strconv.Itoa(len(keys.Salt))+" "+h.String()+" "+id)...)
		}
		keys.Salt = keys.Salt[:k.salt]
		usr.keys[i] = keys
	}
	return usr
}
