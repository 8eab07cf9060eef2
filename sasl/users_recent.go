package sasl

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// DefaultRemember is the default of Users.Remember.
const DefaultRemember = 10 * time.Minute

// recent are the last passwords with which a user has logged in, as MACs under keys
// that only this process has and soon forgets. A client that connects often then
// costs one hash and needs no turn.
//
// A MAC is of the network that the client came from, too: from another one, nobody
// can tell whether a guess is right without a check that counts, by hanging up when
// there is no answer at once. It is of the stored key, too, so that one of another
// password is worth nothing.
type recent struct {
	mu   sync.Mutex
	macs [4][sha256.Size]byte // one for each of the last networks
	next int                  // the oldest
}

// recentKeys are the keys of the MACs in recent.
type recentKeys struct {
	mu   sync.Mutex
	keys [2][]byte // the present one and the one before
	made time.Time // when the present one was
}

// at returns the keys that are valid, the present one first.
func (r *recentKeys) at(now time.Time, life time.Duration) [2][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.made); age >= life {
		before := r.keys[0]
		if age >= 2*life {
			before = nil
		}
		r.keys, r.made = [2][]byte{rnd(32), before}, now
	}
	return r.keys
}

// remembers returns for how long logins from a network are remembered. Those of
// clients of which nothing is known are not.
func (u *Users) remembers(network netip.Prefix) time.Duration {
	switch {
	case !network.IsValid():
		return 0
	case u.Remember == 0:
		return DefaultRemember
	}
	return max(u.Remember, 0)
}

// recentMAC returns the MAC of a login.
func recentMAC(key []byte, keys SCRAMKeys, network netip.Prefix, password string) (mac [sha256.Size]byte) {
	m := hmac.New(sha256.New, key)
	m.Write(keys.StoredKey) // of one length with each hash, as each user has one
	m.Write([]byte(network.String() + "\x00" + password))
	m.Sum(mac[:0])
	return mac
}

// recalls reports whether the user has logged in of late from the network, with that
// password. It does the same work whatever it finds, and for every name.
func (u *Users) recalls(usr *user, network netip.Prefix, password string) bool {
	life := u.remembers(network)
	if life == 0 {
		return false
	}
	keys := u.recent.at(time.Now(), life)
	for i, key := range keys {
		if key != nil && usr.recent.has(recentMAC(key, usr.keys[usr.passwordHash()], network, password)) {
			if i > 0 {
				u.learn(usr, network, password)
			}
			return true
		}
	}
	return false
}

// learn notes that the user has logged in from the network with that password.
func (u *Users) learn(usr *user, network netip.Prefix, password string) {
	if life := u.remembers(network); life > 0 {
		key := u.recent.at(time.Now(), life)[0]
		usr.recent.add(recentMAC(key, usr.keys[usr.passwordHash()], network, password))
	}
}

func (r *recent) has(mac [sha256.Size]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := false
	for i := range r.macs {
		if hmac.Equal(r.macs[i][:], mac[:]) {
			found = true
		}
	}
	return found
}

func (r *recent) add(mac [sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.macs {
		if hmac.Equal(r.macs[i][:], mac[:]) { // another client was faster
			return
		}
	}
	r.macs[r.next] = mac
	r.next = (r.next + 1) % len(r.macs)
}
