package peers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFill(t *testing.T) {
	cert := NewCertificate(t)
	const n = 301
	for name, start := range map[string]func(t testing.TB) *Daemon{
		"Maildir": func(t testing.TB) *Daemon { return DovecotIMAP(t, cert, &DovecotOptions{NoSync: true}) },
		"sdbox": func(t testing.TB) *Daemon {
			return DovecotIMAP(t, cert, &DovecotOptions{NoSync: true, Sdbox: true})
		},
		"Cyrus": func(t testing.TB) *Daemon { return CyrusIMAP(t, cert) },
	} {
		t.Run(name, func(t *testing.T) {
			c := DialIMAP(t, start(t).Addr("imap"), Alice, IMAPPassword)
			c.fill("INBOX", 0, n-1, 77)
			c.Fill("INBOX", n-1, n)
			require.Contains(t, strings.Join(c.Do("SELECT INBOX"), "\n"), fmt.Sprintf("* %d EXISTS", n))
			for _, i := range []int{0, n - 1} {
				got := c.Do(fmt.Sprintf("FETCH %d (UID FLAGS INTERNALDATE BODY.PEEK[])", i+1))[0]
				require.Contains(t, got, Sample(i))
				require.Contains(t, got, fmt.Sprintf("UID %d ", i+1))
				require.Contains(t, got, fmt.Sprintf("-2026 %02d:%02d:00 +0000", i/60%24, i%60))
				for _, flag := range SampleFlags(i) {
					require.Contains(t, got, flag)
				}
			}
			require.InDelta(t, 4096, len(Sample(n)), 300)
		})
	}
}

// Filling 100,000 messages takes a while: go test -bench Fill -benchtime 100000x
func BenchmarkFill(b *testing.B) {
	d := DovecotIMAP(b, NewCertificate(b), &DovecotOptions{NoSync: true})
	c := DialIMAP(b, d.Addr("imap"), Alice, IMAPPassword)
	b.SetBytes(int64(len(Sample(1))))
	b.ResetTimer()
	c.Fill("INBOX", 0, b.N)
}
