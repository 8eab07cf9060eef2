package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Grüße, 漢字":            "Grüße, 漢字",
		"a\x1b[2Jb":            "a�[2Jb",
		"a\r\n b\tc":           "a   b c",
		"gpj.\u202eexe":        "gpj.�exe",
		"\u009b31m \x7f \xff!": "�31m � �!",
	} {
		require.Equal(t, want, Clean(in))
	}
}

func TestShorten(t *testing.T) {
	require.Equal(t, "Grüße", Shorten("Grüße", 5))
	require.Equal(t, "Grü…", Shorten("Grüße", 4))
	require.Equal(t, "", Shorten("", 4))
}
