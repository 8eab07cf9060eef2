package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, false)
	require.False(t, p.terminal)
	at := func(seconds int) time.Time { return p.begin.Add(time.Duration(seconds) * time.Second) }
	p.show(at(0))
	p.expect("INBOX", 1000)
	p.expect("Work", 1000)
	p.add(100, 1<<20)
	p.show(at(10))
	p.add(100, 10<<20)
	p.planned("Work", 200)
	p.show(at(20))
	require.Equal(t, "100 %, 0 of 0 messages, 0 KB\n"+
		"5 %, 100 of 2000 messages, 1024 KB, 10/s, 3m10s left\n"+
		"16 %, 200 of 1200 messages, 11 MB, 10/s, 1m40s left\n", out.String())

	out.Reset()
	p.terminal = true
	p.add(400, 0)
	p.show(at(24))
	p.result(0, "a line")
	require.Equal(t, "\r\x1b[K[============            ] 50 %, 600 of 1200 messages, 11 MB, 36/s, 17s left\r\x1b[Ka line\n", out.String())
}
