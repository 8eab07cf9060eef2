package mtasts_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/mtasts"
)

func TestFetch(t *testing.T) {
	const policy = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n"
	cases := []struct {
		name   string
		domain string
		serve  http.HandlerFunc
		err    error
		text   string // of another error
	}{
		{name: "as it should be", serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Write([]byte(policy))
		}},
		{name: "none", serve: http.NotFound, err: mtasts.ErrStatus},
		{name: "redirection", serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		}, err: mtasts.ErrStatus},
		{name: "HTML", serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
		}, err: mtasts.ErrMediaType},
		{name: "too long", serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Write([]byte(strings.Repeat("x", 70000)))
		}, err: mtasts.ErrTooLong},
		{name: "certificate of another", domain: "example.net", text: "certificate"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "mta-sts.example.com" || r.URL.Path != "/.well-known/mta-sts.txt" {
					t.Error("asked for", r.Host, r.URL)
				}
				tc.serve(w, r)
			}))
			defer srv.Close()
			srv.Config.ErrorLog = nil
			transport := srv.Client().Transport.(*http.Transport).Clone()
			defer transport.CloseIdleConnections()
			transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
			}
			// The server's certificate is for example.com and *.example.com.
			domain := "example.com"
			if tc.domain != "" {
				domain = tc.domain
			}
			text, err := (&mtasts.Fetcher{Transport: transport}).Fetch(t.Context(), domain)
			switch {
			case tc.err != nil:
				require.ErrorIs(t, err, tc.err)
			case tc.text != "":
				require.ErrorContains(t, err, tc.text)
			default:
				require.NoError(t, err)
				require.Equal(t, policy, string(text))
			}
		})
	}
}

func TestFetchBadDomain(t *testing.T) {
	for _, domain := range []string{"", "[192.0.2.1]", "example.com/x#", "a b"} {
		_, err := mtasts.Fetch(t.Context(), domain)
		require.ErrorIs(t, err, smtp.ErrBadDomain, domain)
	}
}
