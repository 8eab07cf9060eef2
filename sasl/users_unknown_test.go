package sasl

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shown returns what SCRAM's server-first-message shows of a user, but for the
// salt's octets, and the salt.
func shown(t *testing.T, u *Users, h Hash, name string) (look, salt string) {
	s, err := NewServer(h.name(), u, Conn{})
	require.NoError(t, err)
	msg, _, err := s.Next(context.Background(), []byte("n,,n="+name+",r=abc"))
	require.NoError(t, err)
	f := strings.Split(string(msg), ",")
	require.Len(t, f, 3)
	return fmt.Sprint(len(f[1]), " ", f[2]), f[1]
}

// loaded returns the table of a text.
func loaded(t *testing.T, lines ...string) *Users {
	u := &Users{}
	require.NoError(t, u.UnmarshalText([]byte(usersMagic+"AAAAAAAAAAAAAAAAAAAAAA==\n"+strings.Join(lines, ""))))
	return u
}

// line is the line of a user of a file, whose keys no password fits.
func line(name string, iterations, saltSize int, secret string, hs ...Hash) string {
	usr := &user{name: name, secret: secret}
	for _, h := range hs {
		size := h.new().Size()
		usr.keys[h] = SCRAMKeys{Salt: rnd(saltSize), Iterations: iterations, StoredKey: rnd(size), ServerKey: rnd(size)}
	}
	return string(usr.append(nil))
}

// cost is what a check of a password costs.
func cost(u *Users, name string) string {
	usr, _ := u.serve(name)
	h := usr.passwordHash()
	return fmt.Sprint(h, " ", usr.keys[h].Iterations, " ", len(usr.keys[h].Salt))
}

// An unknown user costs and shows what those of the table do, wherever the
// table comes from and however it was made.
func TestUnknownUserLooksKnown(t *testing.T) {
	made := &Users{Iterations: 20_000}
	require.NoError(t, made.Set("tim", "x"))
	text, err := made.MarshalText()
	require.NoError(t, err)
	fromFile := &Users{}
	require.NoError(t, fromFile.UnmarshalText(text))
	changed := &Users{Iterations: MinIterations} // for passwords to come
	require.NoError(t, changed.UnmarshalText(text))

	for name, tc := range map[string]struct {
		u      *Users
		hashes []Hash
	}{
		"set":               {made, hashes[:]},
		"loaded":            {fromFile, hashes[:]},
		"another cost now":  {changed, hashes[:]},
		"imported, one key": {loaded(t, line("tim", 200_000, 8, "", SHA512)), []Hash{SHA512}},
		"imported, SHA-1":   {loaded(t, line("tim", 4096, 12, "", SHA1)), []Hash{SHA1}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, cost(tc.u, "tim"), cost(tc.u, "nobody"))
			for _, h := range tc.hashes {
				want, real := shown(t, tc.u, h, "tim")
				got, fake := shown(t, tc.u, h, "nobody")
				require.Equal(t, want, got)
				require.NotEqual(t, real, fake)
				_, again := shown(t, tc.u, h, "NoBody")
				require.Equal(t, fake, again)
				_, other := shown(t, tc.u, h, "nobody2")
				require.NotEqual(t, fake, other)
			}
		})
	}
	// The file has the secret: a restart changes nothing.
	_, before := shown(t, made, SHA256, "nobody")
	_, after := shown(t, fromFile, SHA256, "nobody")
	require.Equal(t, before, after)
}

// Where users differ, unknown names do so in the same proportions: no number of
// rounds proves that a user is known or unknown.
func TestUnknownUsersOfMixedTable(t *testing.T) {
	var lines []string
	for i := range 30 {
		lines = append(lines, line(fmt.Sprint("old", i), 15_000, 16, "", hashes[:]...))
	}
	for i := range 10 {
		lines = append(lines, line(fmt.Sprint("new", i), 200_000, 16, "", hashes[:]...))
	}
	u := loaded(t, lines...)
	count := map[string]int{}
	before := map[string]string{}
	for i := range 4000 {
		name := fmt.Sprint("nobody", i)
		before[name] = cost(u, name)
		count[before[name]]++
		if i < 50 {
			look, _ := shown(t, u, SHA256, name)
			require.Equal(t, strings.Fields(before[name])[1], strings.TrimPrefix(strings.Fields(look)[1], "i="))
		}
	}
	require.Len(t, count, 2)
	require.InDelta(t, 3000, count["SHA-256 15000 16"], 200)

	// One more user has a new password: few names look different, and those
	// that do as if they had one too, with a new salt.
	_, salt := shown(t, u, SHA256, "nobody1")
	u.Iterations = 200_000
	u.put(&user{name: "old0", keys: [len(hashes)]SCRAMKeys{
		{Iterations: 200_000, Salt: rnd(16)}, {Iterations: 200_000, Salt: rnd(16)}, {Iterations: 200_000, Salt: rnd(16)}}})
	moved := 0
	for name, was := range before {
		if now := cost(u, name); now != was {
			require.Equal(t, "SHA-256 15000 16", was)
			require.Equal(t, "SHA-256 200000 16", now)
			moved++
		}
	}
	require.InDelta(t, 100, moved, 60)
	if cost(u, "nobody1") == before["nobody1"] {
		_, same := shown(t, u, SHA256, "nobody1")
		require.Equal(t, salt, same)
	}
}

// A file that is loaded again while the table is used.
func TestUnknownUserReload(t *testing.T) {
	u := loaded(t, line("tim", 15_000, 16, "", hashes[:]...))
	_, salt := shown(t, u, SHA256, "nobody")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				u.SCRAMKeys(context.Background(), "nobody", SHA256)
			}
		}
	}()
	text := usersMagic + "AAAAAAAAAAAAAAAAAAAAAA==\n" + line("tim", 200_000, 16, "", hashes[:]...)
	require.NoError(t, u.UnmarshalText([]byte(text)))
	close(stop)
	<-done
	require.Equal(t, cost(u, "tim"), cost(u, "nobody"))
	_, changed := shown(t, u, SHA256, "nobody")
	require.NotEqual(t, salt, changed) // as that of a user with a new password

	require.True(t, u.Remove("tim"))
	u.Iterations = 5000 // what Set would make
	require.Equal(t, "SHA-256 5000 16", cost(u, "nobody"))
}
