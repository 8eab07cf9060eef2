package systemtest

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTwoSessions has the IMAP libraries of Python and Ruby use messages that
// another of their sessions has expunged.
func TestTwoSessions(t *testing.T) {
	for _, tc := range []struct {
		script, program, debianPackage string
		args                           []string
	}{
		{"sessions.py", "python3", "python3", nil},
		{"sessions.rb", "ruby", "ruby", []string{"-quota", "1M"}},
	} {
		t.Run(tc.program, func(t *testing.T) {
			program := need(t, tc.program, tc.debianPackage)
			script, err := filepath.Abs(filepath.Join("testdata", tc.script))
			require.NoError(t, err)
			s := start(t, tc.args...)
			out := client{}.run(t, s, s.dir, program, script, strconv.Itoa(s.ports["imaps"]), s.cert(), bobPassword)
			require.Contains(t, out, "ok")
			s.stop()
		})
	}
}
