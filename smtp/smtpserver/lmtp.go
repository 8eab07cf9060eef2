package smtpserver

import (
	"io"
	"sync"
)

// deliverLMTP collects a result for each recipient, by position (RFC 2033 §4.2):
// an address that was given twice has two.
func (c *Conn) deliverLMTP(s LMTPSession, r io.Reader) []error {
	results := make([]error, c.recipients)
	var mu sync.Mutex
	told := make([]bool, c.recipients)
	over := false
	err := s.DataLMTP(c.ctx, r, func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if !over && i >= 0 && i < len(results) && !told[i] {
			results[i], told[i] = err, true
		}
	})
	mu.Lock()
	defer mu.Unlock()
	over = true
	for i := range results {
		if !told[i] {
			results[i] = err
		}
	}
	return results
}
