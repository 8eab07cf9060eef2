package pop3client

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lfAnswers are those of a server that ends its lines with LF.
func lfAnswers(change map[string]string) map[string]string {
	answers := map[string]string{
		"CAPA": "+OK\nUIDL\nTOP\nPIPELINING\n.\n", "USER mrose": "+OK\n", "PASS tanstaaf": "+OK\n",
		"LIST": "+OK\n1 10\n2 10\n3 0\n.\n", "UIDL": "+OK\n1 a\n2 b\n3 c\n.\n",
		"RETR 1":  "+OK\nReceived: x\nSubject: one\n\n..\n..x\nend\n.\n",
		"RETR 2":  "+OK\nReceived: x\n\ntwo\n.\n",
		"RETR 3":  "+OK\n.\n",
		"TOP 1 0": "+OK\nReceived: x\nSubject: one\n\n.\n",
		"DELE 1":  "+OK\n", "DELE 2": "+OK\n", "DELE 3": "+OK\n", "QUIT": "+OK\n",
		"": "-ERR unexpected\n",
	}
	for k, v := range change {
		answers[k] = v
	}
	return answers
}

// texts returns what Messages yields.
func texts(t *testing.T, c *Client) (got []string) {
	for m, err := range c.Messages(context.Background(), nil) {
		require.NoError(t, err)
		text, err := io.ReadAll(m.Body)
		require.NoError(t, err)
		got = append(got, string(text))
	}
	return got
}

func TestLineFeedServer(t *testing.T) {
	ctx := context.Background()
	addr := scripted(t, "+OK\n", lfAnswers(nil))
	c, err := Dial(ctx, addr, insecure())
	require.NoError(t, err)
	require.Equal(t, []string{"Received: x\r\nSubject: one\r\n\r\n.\r\n.x\r\nend\r\n", "Received: x\r\n\r\ntwo\r\n", ""}, texts(t, c))
	body, err := c.Top(ctx, 1, 0)
	require.NoError(t, err)
	require.NoError(t, body.Close()) // unread
	got := inboxOf{}
	seen := Seen(&memorySeen{})
	done, err := c.Download(ctx, seen, nil, got.deliver)
	require.NoError(t, err)
	require.Equal(t, Downloaded{Fetched: 3, Deleted: 3}, done)

	o := insecure()
	o.StrictLineEnds = true
	_, err = Dial(ctx, addr, o)
	require.ErrorIs(t, err, ErrProtocol)
}

// A server that mixes: what the body of a reply ends with goes by its own first
// lines, and what is in a message of a correct server never ends it.
func TestMixedLineEnds(t *testing.T) {
	inject := "\n.\n+OK\nSubject: false\n\n.\n-ERR\n"
	for name, tc := range map[string]struct{ answer, text string }{
		"CRLF, LF.LF in the message":            {"+OK\r\nReceived: x\r\n" + inject + "\r\n.\r\n", "Received: x\r\n" + inject + "\r\n"},
		"CRLF, begins with LF lines":            {"+OK\r\na\n" + inject + "\r\n.\r\n", "a\n" + inject + "\r\n"},
		"CRLF, begins with a dot":               {"+OK\r\n..\n+OK\n\r\n.\r\n", ".\n+OK\n\r\n"},
		"LF in the status, CRLF in the body":    {"+OK\nReceived: x\r\n" + inject + "\r\n.\r\n", "Received: x\r\n" + inject + "\r\n"},
		"the same, and LF after the last dot":   {"+OK\nReceived: x\r\n" + inject + "\r\n.\n", "Received: x\r\n" + inject + "\r\n"},
		"LF in the body, CRLF after the dot":    {"+OK\na\nb\n.\r\n", "a\r\nb\r\n"},
		"LF in the body, a message with a CRLF": {"+OK\na\nb\r\n.\n", "a\r\nb\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			for _, greeting := range []string{"+OK\r\n", "+OK\n"} {
				answers := lfAnswers(map[string]string{"RETR 2": tc.answer})
				for _, k := range []string{"CAPA", "LIST", "UIDL", "USER mrose", "PASS tanstaaf"} {
					if greeting == "+OK\r\n" {
						answers[k] = strings.ReplaceAll(answers[k], "\n", "\r\n")
					}
				}
				c, err := Dial(ctx, scripted(t, greeting, answers), insecure())
				require.NoError(t, err)
				got := texts(t, c)
				require.Len(t, got, 3)
				require.Equal(t, tc.text, got[1])
				require.NoError(t, c.Quit(ctx))
			}
		})
	}
}

// A server of LF lines that does not stuff dots could end a message early. What
// comes behind it is not taken for replies, and nothing is deleted.
func TestLineFeedSmuggling(t *testing.T) {
	ctx := context.Background()
	addr := scripted(t, "+OK\n", lfAnswers(map[string]string{"RETR 2": "+OK\nReceived: x\n\nhalf\n.\n+OK\nfalse\n.\n"}))
	c, err := Dial(ctx, addr, insecure())
	require.NoError(t, err)
	got := inboxOf{}
	seen := &memorySeen{}
	_, err = c.Download(ctx, seen, nil, got.deliver)
	require.ErrorIs(t, err, ErrProtocol)
	require.Len(t, got, 1)
	require.Equal(t, []string{"a"}, seen.uids())
	require.ErrorIs(t, c.Noop(ctx), ErrClosed)
}
