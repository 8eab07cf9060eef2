package textproto

import "sync"

// Sizes of the pooled buffers. A connection holds a read buffer only while
// input is buffered or read, a write buffer only while output is buffered. Each
// begins small and becomes large when that is filled, so that a peer that sends
// little, or does not read, costs little.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

var (
	smallPool = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largePool = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

func getSmall() []byte { return smallPool.Get().(*[smallBuffer]byte)[:] }
func getLarge() []byte { return largePool.Get().(*[largeBuffer]byte)[:] }

// put gives a buffer back; one of another size is left to the collector.
func put(b []byte) {
	switch cap(b) {
	case smallBuffer:
		smallPool.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case largeBuffer:
		largePool.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}
