package textproto

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsHTTP(t *testing.T) {
	for line, want := range map[string]bool{
		"GET / HTTP/1.1":                 true,
		"POST /cgi?x=EHLO HTTP/1.0":      true,
		"PRI * HTTP/2.0":                 true,
		"GET HTTP/1.1":                   false,
		"GET NOOP":                       false,
		"a1 LOGIN HTTP/1.1":              false,
		"MAIL FROM:<x@y> HTTP/1.1":       false,
		"":                               false,
		"get / HTTP/1.1":                 false,
		"OPTIONS sip:a@example SIP/2.0":  false,
		"CONNECT mail.test:25 HTTP/1.1 ": true,
	} {
		require.Equal(t, want, IsHTTP([]byte(line)), line)
	}
}
