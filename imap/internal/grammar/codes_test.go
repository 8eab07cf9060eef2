package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func status(t *testing.T, line string) *StatusLine {
	t.Helper()
	resp, err := readOne(t, line)
	require.NoError(t, err)
	return resp.(*StatusLine)
}

func TestCodes(t *testing.T) {
	a, ok := status(t, "A003 OK [APPENDUID 38505 3955] APPEND completed").AppendUID() // RFC 4315 §4
	require.True(t, ok)
	require.Equal(t, imap.AppendUID{UIDValidity: 38505, UIDs: mailbox.UIDSetOf(3955)}, a)
	c, ok := status(t, "A004 OK [COPYUID 38505 304,319:320 3956:3958] Done").CopyUID()
	require.True(t, ok)
	require.Equal(t, imap.CopyUID{UIDValidity: 38505, Source: mailbox.UIDSetOf(304, 319, 320), Dest: mailbox.UIDSetOf(3956, 3957, 3958)}, c)
	n, ok := status(t, "* OK [HIGHESTMODSEQ 715194045007]").Number(imap.CodeHighestModSeq)
	require.True(t, ok)
	require.Equal(t, int64(715194045007), n)
	n, ok = status(t, "* OK [UIDVALIDITY 0]").Number(imap.CodeUIDValidity) // mail.xwtec.cn
	require.True(t, ok)
	require.Zero(t, n)
	flags, ok := status(t, `* OK [PERMANENTFLAGS (\Deleted $Forwarded \* )] Limited`).PermanentFlags()
	require.True(t, ok)
	require.Equal(t, []mailbox.Flag{mailbox.FlagDeleted, mailbox.FlagForwarded, imap.FlagAny}, flags)
	caps, ok := status(t, "* OK [CAPABILITY IMAP4rev1 IDLE ] hello").Capabilities()
	require.True(t, ok)
	require.Equal(t, "IMAP4rev1 IDLE", caps.String())

	for _, line := range []string{"* OK", "* OK [APPENDUID]", "* OK [APPENDUID 1 2 3]", "* OK [COPYUID 1 2:3 4]", "* OK [COPYUID 1 * 4]"} {
		s := status(t, line)
		_, ok := s.AppendUID()
		require.False(t, ok)
		_, ok = s.CopyUID()
		require.False(t, ok)
		_, ok = s.Number(imap.CodeUIDNext)
		require.False(t, ok)
	}
}
