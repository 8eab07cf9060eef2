package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestParseSTSPolicy(t *testing.T) {
	// RFC 8461 §3.2
	p, err := outbound.ParseSTSPolicy([]byte("version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n"))
	require.NoError(t, err)
	require.Equal(t, &outbound.STSPolicy{Mode: outbound.STSEnforce, MX: []string{"mail.example.com", "*.example.net", "backupmx.example.com"}, MaxAge: 7 * 24 * time.Hour}, p)
	for host, want := range map[string]bool{
		"mail.example.com": true, "MAIL.example.com.": true, "a.example.net": true, "a.b.example.net": false,
		"example.net": false, ".example.net": true, "mail.example.com.evil.org": false, "": false,
	} {
		require.Equal(t, want, p.Matches(host), host)
	}
	p, err = outbound.ParseSTSPolicy([]byte("version:STSv1 \r\nfuture: x\r\nmode: none\r\nmax_age:9999999999\r\nmode: enforce\r\n\r\n"))
	require.NoError(t, err)
	require.Equal(t, &outbound.STSPolicy{Mode: outbound.STSNone, MaxAge: 31557600 * time.Second}, p)

	for _, bad := range []string{
		"", "mode: none\n", "version: STSv2\nmode: none\nmax_age: 1\n", "version: STSv1\nmode: never\nmax_age: 1\n",
		"version: STSv1\nmode: none\n", "version: STSv1\nmax_age: 1\n", "version: STSv1\nmode: none\nmax_age: -1\n",
		"version: STSv1\nmode: none\nmax_age: 11111111111\n", "version: STSv1\nmode: enforce\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\nmx: *\n", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a b\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\nmx: *.*.example\n", "version: STSv1\nnonsense\n", strings.Repeat("\n", 70000),
	} {
		_, err := outbound.ParseSTSPolicy([]byte(bad))
		require.ErrorIs(t, err, outbound.ErrSTSPolicy, bad)
	}
}

func FuzzParseSTSPolicy(f *testing.F) {
	f.Add([]byte(stsText))
	f.Add([]byte("version: STSv1\nmode: none\nmax_age: 1\nmx: *.\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := outbound.ParseSTSPolicy(text)
		if err != nil {
			require.ErrorIs(t, err, outbound.ErrSTSPolicy)
			return
		}
		for _, mx := range p.MX {
			require.True(t, p.Matches(strings.Replace(mx, "*", "x", 1)), mx)
		}
	})
}

// stsWorld is what a domain announces and serves, and a count of fetches.
type stsWorld struct {
	txt     []string
	txtErr  error
	text    string
	err     error
	fetched int
}

func (w *stsWorld) LookupTXT(_ context.Context, name string) ([]string, error) {
	if name != "_mta-sts.example.com." {
		return nil, errors.New("asked for " + name)
	}
	return w.txt, w.txtErr
}
func (w *stsWorld) LookupMX(context.Context, string) ([]*net.MX, error) { return nil, nil }
func (w *stsWorld) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, nil
}

func (w *stsWorld) fetch(ctx context.Context, domain string) ([]byte, error) {
	w.fetched++
	if domain != "example.com" {
		return nil, errors.New("asked for " + domain)
	}
	if _, ok := ctx.Deadline(); !ok {
		return nil, errors.New("no deadline")
	}
	return []byte(w.text), w.err
}

// The life of a policy (RFC 8461 §3.1, §3.3, §5.1, §8).
func TestMTASTSPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		w := &stsWorld{txtErr: &net.DNSError{IsNotFound: true}}
		m := &outbound.MTASTS{Fetch: w.fetch}
		policy := func(id string, fetched int) error {
			t.Helper()
			p, err := m.Policy(ctx, w, "example.com")
			require.Equal(t, fetched, w.fetched)
			if id == "" {
				require.Nil(t, p)
			} else {
				require.NotNil(t, p)
				require.Equal(t, id, p.ID)
			}
			return err
		}
		require.NoError(t, policy("", 0)) // nothing announced

		w.txtErr, w.txt, w.err = nil, []string{"v=spf1 -all", "v=STSv1; id=20160831085700Z;"}, errors.New("no route")
		require.ErrorContains(t, policy("", 1), "no route")
		require.NoError(t, policy("", 1)) // not at once again
		time.Sleep(6 * time.Minute)
		w.err, w.text = nil, stsText
		require.NoError(t, policy("20160831085700Z", 2))
		require.NoError(t, policy("20160831085700Z", 2)) // kept

		w.txt = []string{"v=STSv1; id=2;"} // another policy
		require.NoError(t, policy("2", 3))
		w.txt, w.err = []string{"v=STSv1; id=3"}, errors.New("down")
		require.ErrorContains(t, policy("2", 4), "down") // that before still holds
		require.NoError(t, policy("2", 4))

		w.txt = nil // an attacker suppresses the record
		require.NoError(t, policy("2", 4))
		w.txtErr = errors.New("SERVFAIL")
		require.ErrorContains(t, policy("2", 4), "SERVFAIL")
		w.txt, w.txtErr = []string{"v=STSv1; id=4", "v=STSv1; id=5"}, nil // two records are none
		require.NoError(t, policy("2", 4))
		time.Sleep(25 * time.Hour)
		require.NoError(t, policy("", 4)) // its time is over

		w.txt, w.err, w.text = []string{"v=STSv1;id=6"}, nil, strings.Replace(stsText, "enforce", "none", 1)
		require.NoError(t, policy("", 5))
		require.NoError(t, policy("", 5)) // known to be none

		for _, txt := range []string{"v=STSv1", "v=STSv1; id=", "v=STSv1; id=a-b", "v=STSv10; id=7", "V=STSv1; id=7", "v=STSv1; id=" + strings.Repeat("7", 33)} {
			w.txt = []string{txt}
			require.NoError(t, policy("", 5), txt)
		}
	})
}

type brokenCache struct{}

func (brokenCache) Get(context.Context, string) (*outbound.STSEntry, error) {
	return nil, errors.New("disk full")
}
func (brokenCache) Put(context.Context, string, *outbound.STSEntry) error {
	return errors.New("disk full")
}

// Mail waits as long as it is not known what a domain has promised.
func TestMTASTSCacheFails(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.")
	h := n.host("mx1.example.org", "192.0.2.1", nil)
	d := n.deliverer()
	d.MTASTS = &outbound.MTASTS{Cache: brokenCache{}}
	_, err := deliver(t, d, "bob@example.org")
	require.ErrorIs(t, err, outbound.ErrSTSCache)
	require.True(t, smtpclient.Temporary(err))
	require.Empty(t, h.messages())
}

// The memory for policies is bounded.
func TestMTASTSMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		m := &outbound.MTASTS{Fetch: func(context.Context, string) ([]byte, error) {
			fetched++
			return []byte(stsText), nil
		}}
		n := &lab{t: t, txt: map[string][]string{}}
		policy := func(i int) {
			domain := fmt.Sprintf("d%d.example", i)
			n.txt["_mta-sts."+domain+"."] = []string{"v=STSv1; id=1"}
			p, err := m.Policy(t.Context(), n, domain)
			require.NoError(t, err)
			require.NotNil(t, p)
		}
		for i := range 10001 {
			policy(i)
		}
		require.Equal(t, 10001, fetched)
		policy(10000) // that put last is there
		require.Equal(t, 10001, fetched)
		time.Sleep(25 * time.Hour) // all are over: they go first
		policy(10001)
		policy(10001)
		require.Equal(t, 10002, fetched)
	})
}
