package testutil

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Flood is a client that sends the same text again and again, and reads little or
// nothing of the answers.
type Flood struct {
	sent atomic.Int64
	wg   sync.WaitGroup
}

// NewFlood begins to send on nc, until that fails. Unless every is zero, it reads an
// octet each time that it has passed.
func NewFlood(nc net.Conn, text string, every time.Duration) *Flood {
	f := new(Flood)
	f.wg.Go(func() {
		for {
			n, err := io.WriteString(nc, text)
			f.sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	if every > 0 {
		f.wg.Go(func() {
			for b := make([]byte, 1); ; time.Sleep(every) {
				if _, err := io.ReadFull(nc, b); err != nil {
					return
				}
			}
		})
	}
	return f
}

// Sent returns how many octets the server has taken.
func (f *Flood) Sent() int64 { return f.sent.Load() }

// Wait waits until the connection has ended.
func (f *Flood) Wait() { f.wg.Wait() }
