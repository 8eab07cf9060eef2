package textproto

import "sync"

// Sizes of the pooled buffers. A connection holds a read buffer only while
// input is buffered or read, a write buffer only while output is buffered. It
// begins with the small read buffer and takes the large one when a read has
// filled that, so that a peer that sends little, and slowly, costs little.
const (
	smallReadBuffer = 4 << 10
	largeReadBuffer = 64 << 10
	writeBufferSize = 32 << 10
)

var (
	smallReadPool = sync.Pool{New: func() any { return new([smallReadBuffer]byte) }}
	largeReadPool = sync.Pool{New: func() any { return new([largeReadBuffer]byte) }}
	writePool     = sync.Pool{New: func() any { return new([writeBufferSize]byte) }}
)

func getSmall() []byte { return smallReadPool.Get().(*[smallReadBuffer]byte)[:] }
func getLarge() []byte { return largeReadPool.Get().(*[largeReadBuffer]byte)[:] }
func getWrite() []byte { return writePool.Get().(*[writeBufferSize]byte)[:] }

// putRead gives a read buffer back; one of another size is left to the collector.
func putRead(b []byte) {
	switch cap(b) {
	case smallReadBuffer:
		smallReadPool.Put((*[smallReadBuffer]byte)(b[:smallReadBuffer]))
	case largeReadBuffer:
		largeReadPool.Put((*[largeReadBuffer]byte)(b[:largeReadBuffer]))
	}
}

func putWrite(b []byte) { writePool.Put((*[writeBufferSize]byte)(b[:writeBufferSize])) }
