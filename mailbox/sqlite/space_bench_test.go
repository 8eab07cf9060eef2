package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// BenchmarkTurnover appends, expunges and sweeps messages, so that pages are used
// again and again.
func BenchmarkTurnover(b *testing.B) {
	for _, size := range []int64{4 << 10, 40 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%dK", size>>10), func(b *testing.B) {
			s := openSweeping(b)
			m := inbox(b, s, "alice")
			n := int(min(256, 8<<20/size))
			b.SetBytes(size * int64(n))
			var sweeping time.Duration
			for b.Loop() {
				msgs := make([]mailbox.Incoming, n)
				for i := range msgs {
					msgs[i] = mailbox.Incoming{Body: lines(size), Size: size}
				}
				_, err := m.Append(b.Context(), msgs...)
				require.NoError(b, err)
				_, err = m.Expunge(b.Context(), mailbox.AllUIDs(), mailbox.FlagSet{})
				require.NoError(b, err)
				began := time.Now()
				sweepAll(b, s)
				sweeping += time.Since(began)
			}
			b.ReportMetric(sweeping.Seconds()*1000/float64(b.N), "sweep-ms/op")
		})
	}
}

func BenchmarkExpunge(b *testing.B) {
	s := openSweeping(b)
	m := inbox(b, s, "alice")
	for b.Loop() {
		b.StopTimer()
		fill(b, m, 2000)
		b.StartTimer()
		_, err := m.Expunge(b.Context(), mailbox.AllUIDs(), mailbox.FlagSet{})
		require.NoError(b, err)
	}
}
