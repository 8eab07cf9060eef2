package imapclient_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

func TestLiveSuite(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := s.dial(t, nil)
		m := s.box(t, c, count(4)...)
		if !c.Capabilities().Has(imap.CapContextSearch) {
			for _, err := range m.Live(ctx, nil, search.Flagged) {
				var lacks *imapclient.UnsupportedError
				require.ErrorAs(t, err, &lacks)
			}
			return
		}
		all, err := m.UIDs(ctx)
		require.NoError(t, err)
		other, err := s.dial(t, nil).Select(ctx, m.Name(), nil)
		require.NoError(t, err)
		require.NoError(t, other.AddFlags(ctx, imapclient.UIDs(all.At(0)), mailbox.FlagFlagged))
		_, err = m.Poll(ctx)
		require.NoError(t, err)
		var steps []string
		for r, err := range m.Live(ctx, nil, search.Flagged) {
			require.NoError(t, err)
			if r.Added.IsEmpty() && r.Removed.IsEmpty() {
				require.NotNil(t, r.Update)
				continue
			}
			steps = append(steps, fmt.Sprintf("+%s -%s = %s", r.Added, r.Removed, r.UIDs))
			switch len(steps) {
			case 1:
				go other.AddFlags(ctx, imapclient.UIDs(all.At(2)), mailbox.FlagFlagged)
			case 2:
				go other.RemoveFlags(ctx, imapclient.UIDs(all.At(0)), mailbox.FlagFlagged)
			case 3:
				go other.Delete(ctx, imapclient.UIDs(all.At(2)))
			}
			if len(steps) == 4 {
				break
			}
		}
		require.Equal(t, []string{"+1 - = 1", "+3 - = 1,3", "+ -1 = 3", "+ -3 = "}, steps)
		require.NoError(t, c.Noop(ctx))
	})
}

// TestLiveSorted: the examples of RFC 5267 §4.3.3.
func TestLiveSorted(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ESEARCH ESORT SORT CONTEXT=SORT IDLE", "", "9", "10", "")+`
C: {{c01:}} UID SORT RETURN (ALL UPDATE) (DATE) UTF-8 ALL
S: * ESEARCH (TAG "${c01}") UID ALL 2734:2735
S: ${c01} OK done
C& {{a:}} UID SEARCH RETURN (ALL) 1:9
S: * ESEARCH (TAG "${a}") UID ALL 2727:2735
S: ${a} OK done
C: {{a:}} IDLE
S: + idling
S: * ESEARCH (TAG "${c01}") UID ADDTO (1 2733 1 2732 1 2731)
C: DONE
S: ${a} OK done
C: {{a:}} NOOP
S: * ESEARCH (TAG "${c01}") UID REMOVEFROM (2 2732:2733) ADDTO (4 2730)
S: ${a} OK done
C: {{a:}} CANCELUPDATE "${c01}"
S: ${a} OK done
`)
	var steps []string
	for r, err := range m.Live(t.Context(), []search.SortKey{{By: search.SortDate}}, nil) {
		require.NoError(t, err)
		steps = append(steps, fmt.Sprint(r.Order))
		if len(steps) == 2 {
			require.NoError(t, m.Client().Noop(t.Context()))
		}
		if len(steps) == 3 {
			require.Equal(t, "2732:2733", r.Removed.String())
			require.Equal(t, "2730", r.Added.String())
			break
		}
	}
	require.Equal(t, "[2734 2735] [2731 2732 2733 2734 2735] [2731 2734 2735 2730]", strings.Join(steps, " "))
}

func TestLiveRefused(t *testing.T) {
	m := scriptedBox(t, nil, selectScript("ESEARCH CONTEXT=SEARCH", "", "9", "10", "")+`
C: {{a:}} UID SEARCH RETURN (ALL UPDATE) SEEN
S: * ESEARCH (TAG "${a}") UID ALL 1
S: * NO [NOUPDATE "${a}"] Too many contexts
S: ${a} OK done
`)
	n := 0
	for r, err := range m.Live(t.Context(), nil, search.Seen) {
		if n++; n == 1 {
			require.NoError(t, err)
			require.Equal(t, "1", r.UIDs.String())
			continue
		}
		var e *imap.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, imap.CodeNoUpdate, e.Code)
	}
	require.Equal(t, 2, n)
}
