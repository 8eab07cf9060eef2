package imapclient_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// serverPart returns what a server sends in a script, as far as it can be told without
// playing it.
func serverPart(script string) []byte {
	var out bytes.Buffer
	tags := map[string]string{}
	n := 0
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "C: {{"); ok {
			n++
			name, _, _ := strings.Cut(rest, ":")
			tags[name] = "P" + strconv.FormatInt(int64(n), 36)
		}
		text := ""
		if rest, ok := strings.CutPrefix(line, "S: "); ok {
			text = rest + "\r\n"
		} else if rest, ok := strings.CutPrefix(line, "S- "); ok {
			text, _ = strconv.Unquote(rest)
		}
		for name, tag := range tags {
			text = strings.ReplaceAll(text, "${"+name+"}", tag)
		}
		out.WriteString(text)
	}
	return out.Bytes()
}

// FuzzResponses: whatever a server sends, in answer to whatever, a client neither
// panics nor hangs, and nothing of it is left when it is closed. With lockstep a line is
// sent for each that the client sends, else all at once.
func FuzzResponses(f *testing.F) {
	for _, pattern := range []string{"testdata/quirks/*.txt", "testdata/rfc*.txt"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(serverPart(string(text)), false)
			f.Add(serverPart(string(text)), true)
		}
	}
	f.Add([]byte("* PREAUTH [CAPABILITY IMAP4rev1 ESEARCH UIDPLUS IDLE QUOTA LITERAL+] hi\r\n* 3 EXISTS\r\nP1 OK\r\nP2 OK\r\nP3 OK\r\nP4 OK\r\nP5 OK\r\n"+
		"* 1 FETCH (UID 1 BODY[]<0> {3}\r\nabc)\r\n* 2 FETCH (UID 2 BODY[]<0> {3}\r\nabc)\r\n+ idling\r\nP6 OK\r\nP7 OK\r\n* 1 EXPUNGE\r\nP8 OK\r\nP9 OK\r\nPa OK\r\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, lockstep bool) {
		if len(data) > 64<<10 {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			fuzzClient(t, data, lockstep)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			buf := make([]byte, 1<<20)
			t.Fatalf("it hangs:\n%s", buf[:runtime.Stack(buf, true)])
		}
	})
}

func fuzzClient(t *testing.T, data []byte, lockstep bool) {
	client, server := net.Pipe()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		defer server.Close()
		r := bufio.NewReader(server)
		if !lockstep {
			all.Go(func() { io.Copy(io.Discard, r) })
			server.Write(data)
			return
		}
		for line := range bytes.Lines(data) {
			if _, err := server.Write(line); err != nil {
				return
			}
			if bytes.HasPrefix(line, []byte("*")) {
				continue // no tagged response
			}
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	moment := time.Second / 4
	o := password()
	o.Limits = small
	o.Timeouts = imapclient.Timeouts{Greeting: moment, Command: moment, Write: moment, Done: moment, Cancelled: moment / 10, Poll: moment / 10}
	c, err := imapclient.NewClient(ctx, client, o)
	if err != nil {
		return
	}
	defer c.Close()
	m, err := c.Select(ctx, "INBOX", &imapclient.SelectOptions{NoWait: true})
	if err != nil {
		return
	}
	for _, call := range []func(){
		func() { drain(ctx, m, imapclient.All(), imapclient.Entry, imapclient.Summary) },
		func() { drain(ctx, m, imapclient.UIDs(1, 2, 3), imapclient.Whole(), imapclient.Part(1).Decoded()) },
		func() {
			for range m.Fetch(ctx, imapclient.All(), imapclient.Flags) {
				break
			}
		},
		func() { m.Search(ctx, search.Subject("grün"), nil); m.UIDs(ctx) },
		func() { m.Move(ctx, imapclient.Last(2), "x"); m.Delete(ctx, imapclient.Numbers(1, 2)) },
		func() { c.List(ctx, nil); c.Status(ctx, "INBOX"); c.Namespace(ctx); c.Quota(ctx, "INBOX") },
		func() { c.Append(ctx, "INBOX", mailbox.Incoming{Body: strings.NewReader("x: y\r\n\r\n"), Size: 8}) },
		func() {
			n := 0
			for u := range m.Watch(ctx) {
				if n++; u == nil || n > 10 {
					break
				}
			}
		},
	} {
		all.Go(call)
	}
	select {
	case <-c.Closed():
	case <-ctx.Done(): // the server waits for a command, and there is none any more
	}
	if held := c.Held(); held < 0 {
		t.Errorf("%d octets are held", held)
	}
}
