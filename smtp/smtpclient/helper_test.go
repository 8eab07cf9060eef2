package smtpclient_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/textproto"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// envelope makes one from alice.
func envelope(t testing.TB, to ...string) *smtpclient.Envelope {
	t.Helper()
	env, err := smtpclient.ParseEnvelope("alice@client.example", to...)
	require.NoError(t, err)
	return env
}

func addr(t testing.TB, s string) smtp.Address { return addrs(t, s)[0] }

func addrs(t testing.TB, list ...string) []smtp.Address {
	t.Helper()
	return envelope(t, list...).To
}

func tracer(mu *sync.Mutex, b *strings.Builder) textproto.Tracer {
	return func(e textproto.Event) {
		mu.Lock()
		defer mu.Unlock()
		b.WriteString(e.Dir.String() + " " + string(e.Line) + "\n")
	}
}
