package smtpserver

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
)

// What is remembered ends after its time, and does not grow beyond its limit.
func TestPartialMarks(t *testing.T) {
	var p partialDeliveries
	now := time.Now()
	key := func(n int) partialKey {
		return partialKey{from: smtp.Address{Local: fmt.Sprint(n % 100)}, account: fmt.Sprint(n)}
	}
	one, other := [32]byte{1}, [32]byte{2}

	require.False(t, p.knows(key(0)))
	p.forget(key(0), one)
	p.add(key(0), one, now)
	p.add(key(0), other, now)
	require.True(t, p.knows(key(0)))
	require.True(t, p.has(key(0), one, now))
	require.False(t, p.has(key(0), [32]byte{3}, now))
	require.False(t, p.has(key(1), one, now))
	require.True(t, p.has(key(0), one, now.Add(partialTime-1)))
	require.False(t, p.has(key(0), one, now.Add(partialTime)))
	p.forget(key(0), one)
	require.False(t, p.has(key(0), one, now))
	require.True(t, p.has(key(0), other, now))
	p.forget(key(0), other)
	require.Empty(t, p.marks)
	require.Zero(t, p.count)

	// Expired ones go first.
	later := now.Add(partialTime)
	for n := range maxPartial {
		at := now
		if n%2 == 0 {
			at = later
		}
		p.add(key(n), one, at)
	}
	p.add(key(maxPartial), one, later)
	require.Equal(t, maxPartial/2+1, p.count)
	for n := 0; n <= maxPartial; n += 2 {
		require.True(t, p.has(key(n), one, later))
	}
	// Then others, so that there is room for long.
	for n := range 10 * maxPartial {
		p.add(key(n), one, later)
		require.LessOrEqual(t, p.count, maxPartial)
		require.True(t, p.has(key(n), one, later))
	}
	count := 0
	for _, marks := range p.marks {
		count += len(marks)
	}
	require.Equal(t, count, p.count)
}
