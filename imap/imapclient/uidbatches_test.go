package imapclient_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestBatches(t *testing.T) {
	ranges := func(rs []mailbox.UIDRange) string {
		var out []string
		for _, r := range rs {
			out = append(out, fmt.Sprintf("%d:%d", r.Last, r.First))
		}
		return strings.Join(out, ",")
	}
	// RFC 10022, in the second part for a server that tells few at once.
	m := scriptedBox(t, nil, selectScript("ESEARCH UIDBATCHES", "", "7000", "215296", "")+`
C: {{a:}} UIDBATCHES 2000
S: * UIDBATCHES (TAG "${a}") 215295:99696,99695:20351,20350:7830,7829:1
S: ${a} OK done
C: {{a:}} UIDBATCHES 500
S: ${a} NO [TOOMANY] Too many batches
C: {{a:}} UIDBATCHES 500 1:50
S: * UIDBATCHES (TAG "${a}") 215295:1
S: ${a} OK done
`)
	got, err := m.Batches(t.Context(), 2000)
	require.NoError(t, err)
	require.Equal(t, "215295:99696,99695:20351,20350:7830,7829:1", ranges(got))
	got, err = m.Batches(t.Context(), 500)
	require.NoError(t, err)
	require.Equal(t, "215295:1", ranges(got))

	m = scriptedBox(t, nil, selectScript("ESEARCH", "", "8", "50", "")+`
C: {{a:}} UID SEARCH RETURN (ALL) 1:8
S: * ESEARCH (TAG "${a}") UID ALL 3:6,10,20:22
S: ${a} OK done
`)
	for size, want := range map[int]string{1: "22:22,21:21,20:20,19:10,9:6,5:5,4:4,3:1", 3: "22:20,19:5,4:1", 4: "22:10,9:1", 5: "22:6,5:1", 8: "22:1", 9: "22:1"} {
		got, err := m.Batches(t.Context(), size)
		require.NoError(t, err)
		require.Equal(t, want, ranges(got), "%d", size)
	}
}
