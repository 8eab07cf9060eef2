package sasl

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// counted counts the rounds of PBKDF2 that checks of a table take.
func counted(u *Users) *int {
	rounds := new(int)
	u.check = func(k SCRAMKeys, h Hash, password string) bool {
		*rounds += k.Iterations
		return k.Check(h, password)
	}
	return rounds
}

// A wrong password takes the same work for every name, remembered or not.
func TestWorkOfWrongPasswords(t *testing.T) {
	u := &Users{Iterations: MinIterations}
	require.NoError(t, u.Set("tim", "right"))
	require.NoError(t, u.Set("joe", "right"))
	rounds := counted(u)
	ctx := from(t.Context(), netA)
	_, err := u.Authenticate(ctx, "tim", "right")
	require.NoError(t, err)
	require.Equal(t, MinIterations, *rounds)
	for _, name := range []string{"tim", "joe", "nobody"} {
		for range 2 { // a failure is not remembered
			*rounds = 0
			_, err := u.Authenticate(ctx, name, "wrong")
			require.ErrorIs(t, err, ErrAuthFailed)
			require.Equal(t, MinIterations, *rounds, name)
		}
	}
}

// A user who has just logged in from a network does so again at no cost, until the
// password changes.
func TestRemember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &Users{Iterations: MinIterations}
		require.NoError(t, u.Set("Tim", "right"))
		rounds := counted(u)
		login := func(network, password string, cost bool, want error) {
			t.Helper()
			*rounds = 0
			id, err := u.Authenticate(from(t.Context(), network), "tim", password)
			require.ErrorIs(t, err, want)
			if want == nil {
				require.Equal(t, "Tim", id)
			}
			require.Equal(t, cost, *rounds > 0)
		}
		login(netA, "right", true, nil)
		login(netA, "right", false, nil)
		login(netB, "right", true, nil) // nobody can guess from elsewhere
		login(netA, "right", false, nil)
		login(netB, "right", false, nil)
		require.NoError(t, u.SetAdmin("tim", true))
		login(netA, "right", false, nil)

		for range 2 { // clients of which nothing is known may be anybody
			*rounds = 0
			_, err := u.Authenticate(t.Context(), "tim", "right")
			require.NoError(t, err)
			require.NotZero(t, *rounds)
		}

		// Those of the last four networks are known.
		for i := range 4 {
			login(fmt.Sprintf("198.51.100.%d/32", i), "right", true, nil)
		}
		login(netA, "right", true, nil)

		// It lasts while it is used.
		for range 10 {
			time.Sleep(DefaultRemember)
			login(netA, "right", false, nil)
		}
		time.Sleep(2 * DefaultRemember)
		login(netA, "right", true, nil)
		login(netA, "right", false, nil)

		require.NoError(t, u.Set("Tim", "new"))
		login(netA, "right", true, ErrAuthFailed)
		login(netA, "new", true, nil)
		login(netA, "new", false, nil)
		text, err := u.MarshalText()
		require.NoError(t, err)
		require.NoError(t, u.Set("Tim", "other"))
		require.NoError(t, u.UnmarshalText(text))
		login(netA, "other", true, ErrAuthFailed)
		require.True(t, u.Remove("tim"))
		login(netA, "new", true, ErrAuthFailed)

		u.Remember = -1
		require.NoError(t, u.Set("Tim", "right"))
		login(netA, "right", true, nil)
		login(netA, "right", true, nil)
	})
}

// Who has just logged in passes those that wait, but not where the line of its own
// network is full: otherwise a guess would be free there, and tell.
func TestRememberedPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &Users{Iterations: MinIterations, Checks: &Checks{Concurrent: 1, MaxWaitingPerNetwork: 1}}
		require.NoError(t, u.Set("tim", "right"))
		for _, network := range []string{netA, netB} {
			_, err := u.Authenticate(from(t.Context(), network), "tim", "right")
			require.NoError(t, err)
		}
		b := &blocking{next: make(chan struct{})}
		for range 2 {
			go u.Checks.Do(from(t.Context(), netA), b.check("a"))
			synctest.Wait()
		}
		_, err := u.Authenticate(from(t.Context(), netB), "tim", "right")
		require.NoError(t, err)
		for _, password := range []string{"right", "wrong"} {
			_, err := u.Authenticate(from(t.Context(), netA), "tim", password)
			require.ErrorIs(t, err, ErrBusy)
		}
		b.next <- struct{}{}
		b.next <- struct{}{}
	})
}

// A password that was changed while its check waited is not taken any more.
func TestPasswordChangedWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &Users{Iterations: MinIterations, Checks: &Checks{Concurrent: 1}}
		require.NoError(t, u.Set("tim", "old"))
		b := &blocking{next: make(chan struct{})}
		go u.Checks.Do(t.Context(), b.check("x"))
		synctest.Wait()
		result := make(chan error)
		go func() {
			_, err := u.Authenticate(t.Context(), "tim", "old")
			result <- err
		}()
		synctest.Wait()
		require.NoError(t, u.Set("tim", "new"))
		b.next <- struct{}{}
		require.ErrorIs(t, <-result, ErrAuthFailed)
	})
}

// SCRAM and the digests cost the server no rounds, so they take no turn.
func TestOthersTakeNoTurn(t *testing.T) {
	u := testUsers(t)
	rounds := counted(u)
	u.Checks = &Checks{Concurrent: 1, MaxWaiting: 1}
	b := &blocking{next: make(chan struct{})}
	busy := make(chan struct{})
	go u.Checks.Do(t.Context(), func() error { close(busy); return b.check("x")() })
	<-busy
	for _, name := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"} {
		mech, err := NewServer(name, u, Conn{TLS: under})
		require.NoError(t, err)
		client, err := Select(t.Context(), []string{name}, Credentials{Username: "tim", Password: "tanstaaftanstaaf"}, Conn{TLS: under})
		require.NoError(t, err)
		clientErr, serverErr := exchange(client, mech, true)
		require.NoError(t, clientErr)
		require.NoError(t, serverErr)
	}
	require.Zero(t, *rounds)
	b.next <- struct{}{}
}
