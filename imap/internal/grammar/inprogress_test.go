package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

func TestInProgress(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	for code, want := range map[string]any{
		`INPROGRESS ("A001" 454 1000)`:  imap.InProgress{Tag: "A001", Done: n(454), Goal: n(1000)},
		`INPROGRESS ("A001" 999 NIL)`:   imap.InProgress{Tag: "A001", Done: n(999)},
		`INPROGRESS ("A001" NIL NIL)`:   imap.InProgress{Tag: "A001"},
		"INPROGRESS":                    imap.InProgress{},
		"INPROGRESS NIL":                imap.InProgress{},
		"INPROGRESS (NIL NIL NIL)":      imap.InProgress{},
		"INPROGRESS (A001 1)":           nil,
		"MESSAGELIMIT 1000 23221":       imap.MessageLimit{Limit: 1000, UID: 23221},
		"MESSAGELIMIT 1000":             imap.MessageLimit{Limit: 1000},
		"MESSAGELIMIT":                  nil,
		"UNDEFINED-FILTER on-the-road":  "on-the-road", // RFC 5466 §3.1
		"UNDEFINED-FILTER on/the(road)": nil,
	} {
		s := status(t, "* OK ["+code+"] Still working on this")
		require.Equal(t, want, s.Arg, code)
		if want == nil {
			continue
		}
		var e wire.Encoder
		s.Args = ""
		WriteResponse(&e, s)
		require.NoError(t, e.Err)
		require.Equal(t, want, status(t, string(e.B[:len(e.B)-2])).Arg, code)
	}
}
