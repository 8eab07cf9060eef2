package sasl

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a trace may show as the name of a mechanism.
func TestIsName(t *testing.T) {
	for _, m := range mechanisms() {
		require.True(t, IsName([]byte(m.name)), m.name)
		require.True(t, IsName([]byte(strings.ToLower(m.name))), m.name)
	}
	for _, name := range []string{"9798-M-RSA-SHA1-ENC", "KERBEROS_V4", "X", strings.Repeat("X", 20)} {
		require.True(t, IsName([]byte(name)), name)
	}
	for _, word := range []string{
		"", strings.Repeat("X", 21), // RFC 4422 §3.1
		"AHRpbQB0YW5zdGFhZg==", "dGltAHRhbg", "Plain", // base64, or like it
		"AB+C", "AB/C", "AB=", "A B", "PLAIN\t", "PL\x00N", "PLÄIN",
	} {
		require.False(t, IsName([]byte(word)), "%q", word)
	}
}
