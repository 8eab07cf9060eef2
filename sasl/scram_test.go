package sasl

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a client must refuse of a server.
func TestSCRAMClientRefuses(t *testing.T) {
	for _, challenge := range []string{
		"",
		"r=other,s=QSXCR+Q6sek8bf92,i=4096",
		"r=NONCE,s=QSXCR+Q6sek8bf92,i=4096", // nothing added
		"r=NONCEx,s=QSXCR+Q6sek8bf92,i=4095",
		"r=NONCEx,s=QSXCR+Q6sek8bf92,i=1000001",
		"r=NONCEx,s=QSXCR+Q6sek8bf92,i=04096",
		"r=NONCEx,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
		"r=NONCEx,s=***,i=4096",
		"r=NONCEx,s=,i=4096",
		"s=QSXCR+Q6sek8bf92,r=NONCEx,i=4096",
		"m=new,r=NONCEx,s=QSXCR+Q6sek8bf92,i=4096",
		"r=NONCE x,s=QSXCR+Q6sek8bf92,i=4096",
		"r=NONCEx,s=QSXCR+Q6sek8bf92,i=4096\xff",
		strings.Repeat("r", MaxResponse+1),
	} {
		c := SCRAM(SHA1, "user", "pencil", nil).(*scramClient)
		_, err := c.Start()
		require.NoError(t, err)
		_, err = c.Next([]byte(strings.ReplaceAll(challenge, "NONCE", c.nonce)))
		require.ErrorIs(t, err, ErrMalformed, challenge)
		require.ErrorIs(t, c.Finish(), ErrServerUnproven)
	}

	// Extensions that are optional are passed over (RFC 5802 §5.1).
	c := SCRAM(SHA1, "user", "pencil", nil).(*scramClient)
	_, err := c.Start()
	require.NoError(t, err)
	_, err = c.Next([]byte("r=" + c.nonce + "x,s=QSXCR+Q6sek8bf92,i=4096,z=new"))
	require.NoError(t, err)
	_, err = c.Next([]byte("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="))
	require.ErrorIs(t, err, ErrServerUnproven) // an impostor

	// Errors are reported, but only known ones in their own words.
	for msg, want := range map[string]string{"e=unknown-user": "SCRAM unknown-user", "e=\x1b[2J": "SCRAM other-error"} {
		c := SCRAM(SHA1, "user", "pencil", nil)
		_, err := c.Start()
		require.NoError(t, err)
		_, err = c.Next([]byte(msg))
		require.ErrorIs(t, err, ErrAuthFailed)
		require.ErrorContains(t, Reason(c), want)
	}
}

// What a server must refuse of a client.
func TestSCRAMServerRefuses(t *testing.T) {
	ctx := context.Background()
	u := testUsers(t)
	start := func() *scramServer {
		s, err := NewServer("SCRAM-SHA-1", u, Conn{})
		require.NoError(t, err)
		return s.(*scramServer)
	}
	for _, msg := range []string{
		"", "n", "n,", "n,,", "n,,n=tim", "n,,r=abc,n=tim", "n,,n=,r=abc", "n,,n=tim,r=", "x,,n=tim,r=abc",
		"n,b=x,n=tim,r=abc", "n,a=,n=tim,r=abc", "n,a==2X,n=tim,r=abc", "n,,n=t=im,r=abc", "n,,n=t=2,r=abc",
		"n,,m=x,n=tim,r=abc", "n,,n=tim,r=a\x7fc", "n,,n=ti\x00m,r=abc", "n,,n=\u00AD,r=abc", "n,,n=\xff,r=abc",
		"n,,n=tim,r=" + strings.Repeat("a", MaxResponse),
	} {
		_, done, err := start().Next(ctx, []byte(msg))
		require.ErrorIs(t, err, ErrMalformed, msg)
		require.False(t, done)
	}
	proof := b64.EncodeToString(make([]byte, 20))
	for msg, want := range map[string]error{
		"":                          ErrMalformed,
		"c=biws":                    ErrMalformed,
		"c=biws,r=NONCE":            ErrMalformed,
		"c=biws,r=NONCE,p=":         ErrMalformed,
		"c=biws,r=NONCE,p=AAAA":     ErrMalformed,
		"r=NONCE,c=biws,p=" + proof: ErrMalformed,
		"c=biws,r=NONCE,p=" + proof: ErrAuthFailed,
		"c=biws,r=other,p=" + proof: ErrAuthFailed,
		"c=eSws,r=NONCE,p=" + proof: ErrAuthFailed, // "y,,"
	} {
		s := start()
		_, _, err := s.Next(ctx, []byte("n,,n=tim,r=abc"))
		require.NoError(t, err)
		_, done, err := s.Next(ctx, []byte(strings.ReplaceAll(msg, "NONCE", s.nonce)))
		require.ErrorIs(t, err, want, msg)
		require.False(t, done)
		require.Empty(t, s.Identity())
	}
}

func BenchmarkSCRAMServer(b *testing.B) {
	u := testUsers(b)
	b.ReportAllocs()
	for b.Loop() {
		s, _ := NewServer("SCRAM-SHA-256", u, Conn{})
		s.Next(context.Background(), []byte("n,,n=tim,r=abc"))
		nonce := s.(*scramServer).nonce
		s.Next(context.Background(), []byte("c=biws,r="+nonce+",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="))
	}
}

func BenchmarkPlainServer(b *testing.B) {
	for name, remember := range map[string]time.Duration{"hashed": -1, "remembered": 0} {
		b.Run(name, func(b *testing.B) {
			u := &Users{Remember: remember}
			u.Set("tim", "tanstaaftanstaaf")
			ctx := from(context.Background(), netA)
			b.ReportAllocs()
			for b.Loop() {
				u.Authenticate(ctx, "tim", "tanstaaftanstaaf")
			}
		})
	}
}
