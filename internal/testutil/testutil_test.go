package testutil

import (
	"maps"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlay(t *testing.T) {
	for _, tc := range []struct{ script, sent, err string }{
		{"S: hello\nC: one\nC* tw\nBODY\nC: three", "one\r\ntwo\r\nx\r\n.\r\nthree\r\n", ""},
		{"C: one", "two\r\n", `got "two", want "one"`},
		{"C* one", "on\r\n", `got "on", want "one"`},
		{"C: one", "one", `waiting for "one": EOF`},
		{"BODY", "one\r\n", "in the body: EOF"},
		{"CLOSE\nC: one", "", `waiting for "one"`},
		{"X: one", "", `bad step "X: one"`},
	} {
		client, server := net.Pipe()
		go func() {
			if tc.script[0] == 'S' {
				client.Read(make([]byte, 100))
			}
			client.Write([]byte(tc.sent))
			client.Close()
		}()
		err := Play(server, tc.script)
		server.Close()
		if tc.err == "" {
			require.NoError(t, err, tc.script)
		} else {
			require.ErrorContains(t, err, tc.err, tc.script)
		}
	}
}

func TestGoroutines(t *testing.T) {
	before := goroutines()
	wait := make(chan struct{})
	started := make(chan struct{})
	go func() { close(started); <-wait }()
	<-started
	now := goroutines()
	maps.DeleteFunc(now, func(id, _ string) bool { return before[id] != "" })
	require.Len(t, now, 1)
	close(wait)
	require.Empty(t, leaked(before))
}
