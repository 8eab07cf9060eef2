// Package pool has the buffers that the layers of a connection share.
//
// A connection holds a read buffer only while input is buffered or read, a
// write buffer only while output is buffered. Each begins small and becomes
// large when that is filled, so that a peer that sends little, or does not
// read, costs little.
package pool

import "sync"

// The sizes of the buffers in octets.
const (
	Small = 4 << 10
	Large = 64 << 10
)

var (
	small = sync.Pool{New: func() any { return new([Small]byte) }}
	large = sync.Pool{New: func() any { return new([Large]byte) }}
)

// GetSmall and GetLarge return a buffer of undefined content.
func GetSmall() []byte { return small.Get().(*[Small]byte)[:] }
func GetLarge() []byte { return large.Get().(*[Large]byte)[:] }

// Put gives a buffer back; one of another size is left to the collector.
func Put(b []byte) {
	switch cap(b) {
	case Small:
		small.Put((*[Small]byte)(b[:Small]))
	case Large:
		large.Put((*[Large]byte)(b[:Large]))
	}
}
