package sasl

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsers(t *testing.T) {
	ctx := context.Background()
	u := &Users{Iterations: MinIterations}
	require.NoError(t, u.Set("Alice@Example.org", "pässwörd\u00A0x"))
	require.ErrorIs(t, u.Set("", "x"), ErrMalformed)
	require.ErrorIs(t, u.Set("bob", ""), ErrMalformed)
	require.ErrorIs(t, u.Set("bob", "a\tb"), ErrMalformed)
	require.ErrorIs(t, u.SetAdmin("bob", true), ErrNoUser)
	require.Error(t, (&Users{Iterations: 100}).Set("bob", "x"))

	id, ok := u.Lookup("alice@example.ORG")
	require.True(t, ok)
	require.Equal(t, "Alice@Example.org", id)
	_, ok = u.Lookup("alice")
	require.False(t, ok)

	// Other ways to type the same password.
	for _, p := range []string{"pässwörd x", "pa\u0308sswo\u0308rd x"} {
		id, err := CheckPassword(ctx, u, Conn{TLS: under}, "alice@example.org", p)
		require.NoError(t, err)
		require.Equal(t, "Alice@Example.org", id)
	}
	_, _, err := u.Secret(ctx, "alice@example.org")
	require.ErrorIs(t, err, ErrAuthFailed) // not kept
	_, _, err = u.SCRAMKeys(ctx, "x", 77)
	require.ErrorIs(t, err, ErrUnsupported)

	require.NoError(t, u.Set("alice@example.org", "new")) // the same user
	require.Equal(t, []string{"alice@example.org"}, u.Names())
	require.True(t, u.Remove("ALICE@example.org"))
	require.False(t, u.Remove("alice@example.org"))
	require.Empty(t, u.Names())
}

// A mechanism that would fail for one user is offered to none.
func TestUsersOffers(t *testing.T) {
	u := &Users{Iterations: MinIterations, KeepSecrets: true}
	require.NoError(t, u.Set("a", "x"))
	require.True(t, u.Offers("APOP"))
	require.True(t, u.Offers("SCRAM-SHA-1-PLUS"))
	u.KeepSecrets = false
	require.NoError(t, u.Set("b", "x"))
	require.False(t, u.Offers("APOP"))
	require.False(t, u.Offers("CRAM-MD5"))
	require.True(t, u.Offers("PLAIN"))
	require.True(t, u.Remove("b"))
	require.True(t, u.Offers("CRAM-MD5"))

	// A table with keys for one hash only.
	keys, err := NewSCRAMKeys(SHA512, "x", MinIterations)
	require.NoError(t, err)
	only := &user{name: "c"}
	only.keys[SHA512] = keys
	loaded := &Users{}
	require.NoError(t, loaded.UnmarshalText(append([]byte(usersMagic+"AAAAAAAAAAAAAAAAAAAAAA==\n"), only.append(nil)...)))
	require.Equal(t, []string{"SCRAM-SHA-512", "PLAIN", "LOGIN"}, Mechanisms(loaded, Conn{TLS: under}))
	_, err = loaded.Authenticate(context.Background(), "c", "x")
	require.NoError(t, err)
}

func TestUsersText(t *testing.T) {
	ctx := context.Background()
	u := testUsers(t)
	u.KeepSecrets = false
	require.NoError(t, u.Set("Zoë with blanks", "x:y$z"))
	text, err := u.MarshalText()
	require.NoError(t, err)
	require.Equal(t, 5, strings.Count(string(text), "\n"))
	require.NotContains(t, string(text), "x:y$z")

	back := &Users{}
	require.NoError(t, back.UnmarshalText([]byte(strings.ReplaceAll(string(text), "\n", "\r\n# comment\n\n"))))
	again, err := back.MarshalText()
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
	_, err = back.Authenticate(ctx, "zoë with blanks", "x:y$z")
	require.NoError(t, err)
	id, err := back.Authorize(ctx, "Kurt", "TIM")
	require.NoError(t, err)
	require.Equal(t, "tim", id)
	_, secret, err := back.Secret(ctx, "tim")
	require.NoError(t, err)
	require.Equal(t, "tanstaaftanstaaf", secret)
	// Fake keys survive a restart.
	_, k1, _ := u.SCRAMKeys(ctx, "nobody", SHA256)
	_, k2, _ := back.SCRAMKeys(ctx, "NOBODY", SHA256)
	back.Iterations = u.Iterations
	require.Equal(t, k1.Salt, k2.Salt)

	head := usersMagic + "AAAAAAAAAAAAAAAAAAAAAA==\n"
	good := "SCRAM-SHA-1$4096:AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAA="
	require.NoError(t, (&Users{}).UnmarshalText([]byte(head+"a\t"+good)))
	for _, bad := range []string{
		"", "posthorn-users 2 x\n", usersMagic + "AA==", head + "a", head + "\t" + good,
		head + "a\t" + good + "\nA\t" + good, head + "a\tadmin", head + "a\tplain=?\t" + good,
		head + "a\t" + good[1:], head + "a\t" + strings.Replace(good, "4096", "04096", 1),
		head + "a\t" + good[:len(good)-4], head + "a\t" + strings.Replace(good, ":AAAA$", ":$", 1), head + "a\xff\t" + good,
	} {
		require.Error(t, back.UnmarshalText([]byte(bad)), bad)
	}
	require.Len(t, back.Names(), 4) // as it was
}

// An unknown user sees a salt that stays, and the same answers.
func TestNoEnumeration(t *testing.T) {
	ctx := context.Background()
	first := func(a Authenticator, name string) string {
		s, err := NewServer("SCRAM-SHA-256", a, Conn{})
		require.NoError(t, err)
		c, _, err := s.Next(ctx, []byte("n,,n="+name+",r=abc"))
		require.NoError(t, err)
		_, rest, _ := strings.Cut(string(c), ",")
		return rest
	}
	u := testUsers(t)
	refusing := keeper{err: ErrAuthFailed}
	for _, a := range []Authenticator{u, refusing} {
		require.Equal(t, first(a, "nobody"), first(a, "nobody"))
		require.NotEqual(t, first(a, "nobody"), first(a, "nobody2"))
		require.Equal(t, len(first(u, "tim")), len(first(u, "nobody")))
	}
	require.Equal(t, first(u, "nobody"), first(u, "NoBody"))

	for _, mech := range []string{"PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "LOGIN"} {
		var texts []string
		for _, name := range []string{"tim", "nobody"} {
			s, err := NewServer(mech, u, Conn{TLS: under})
			require.NoError(t, err)
			cr := Credentials{Username: name, Password: "wrong"}
			c, err := Select(ctx, []string{mech}, cr, Conn{TLS: under})
			require.NoError(t, err)
			_, err = exchange(c, s, true)
			require.ErrorIs(t, err, ErrAuthFailed)
			texts = append(texts, err.Error())
		}
		require.Equal(t, texts[0], texts[1])
	}
}

// keeper is a SCRAMKeeper that fails.
type keeper struct{ err error }

func (k keeper) Authenticate(context.Context, string, string) (string, error) { return "", k.err }
func (k keeper) SCRAMKeys(context.Context, string, Hash) (string, SCRAMKeys, error) {
	return "", SCRAMKeys{}, k.err
}
func (k keeper) Secret(context.Context, string) (string, string, error) { return "", "", k.err }

// A back end that is down is no wrong password.
func TestUnavailable(t *testing.T) {
	a := keeper{err: errors.New("connection refused")}
	for _, c := range []Client{
		Plain("", "tim", "x"), CramMD5("tim", "x"), SCRAM(SHA256, "tim", "x", nil), DigestMD5("", "tim", "x", "imap", "h"),
	} {
		s, err := NewServer(c.Name(), a, Conn{TLS: under, Mechanisms: []string{c.Name()}})
		require.NoError(t, err)
		_, serverErr := exchange(c, s, true)
		require.ErrorIs(t, serverErr, ErrUnavailable, c.Name())
		require.NotErrorIs(t, serverErr, ErrAuthFailed)
	}
	_, err := CheckAPOP(context.Background(), a, Conn{}, "tim", "<x>", strings.Repeat("0", 32))
	require.ErrorIs(t, err, ErrUnavailable)
}
