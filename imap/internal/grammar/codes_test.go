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
	for line, want := range map[string]any{
		"A003 OK [APPENDUID 38505 3955] APPEND completed":         imap.AppendUID{UIDValidity: 38505, UIDs: mailbox.UIDSetOf(3955)}, // RFC 4315 §4
		"A004 OK [COPYUID 38505 304,319:320 3956:3958] Done":      imap.CopyUID{UIDValidity: 38505, Source: mailbox.UIDSetOf(304, 319, 320), Dest: mailbox.UIDSetOf(3956, 3957, 3958)},
		"* OK [HIGHESTMODSEQ 715194045007]":                       mailbox.ModSeq(715194045007),
		"* OK [UIDVALIDITY 0]":                                    uint32(0), // mail.xwtec.cn
		`* OK [PERMANENTFLAGS (\Deleted $Forwarded \* )] Limited`: []mailbox.Flag{mailbox.FlagDeleted, mailbox.FlagForwarded, imap.FlagAny},
		"* OK [CAPABILITY IMAP4rev1 IDLE ] hello":                 imap.NewCapSet("IMAP4rev1", "IDLE"),
		"d105 OK [MODIFIED 7,9] done":                             nums(7, 7, 9, 9), // RFC 7162 §3.1.3
		"* OK":                                                    nil, "* OK [APPENDUID]": nil, "* OK [APPENDUID 1 2 3]": nil, "* OK [COPYUID 1 2:3 4]": nil, "* OK [COPYUID 1 * 4]": nil,
	} {
		require.Equal(t, want, status(t, line).Arg, line)
	}
}
