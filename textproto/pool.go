package textproto

import "sync"

// Sizes of the pooled buffers. A connection holds one of each only while it has
// something in it.
const (
	readBufferSize  = 64 << 10
	writeBufferSize = 32 << 10
)

var (
	readPool  = sync.Pool{New: func() any { return new([readBufferSize]byte) }}
	writePool = sync.Pool{New: func() any { return new([writeBufferSize]byte) }}
)

// getRead and getWrite return a buffer of full length from its pool.
func getRead() []byte  { return readPool.Get().(*[readBufferSize]byte)[:] }
func getWrite() []byte { return writePool.Get().(*[writeBufferSize]byte)[:] }

// putRead gives a buffer back; one of another size is left to the collector.
func putRead(b []byte) {
	if cap(b) == readBufferSize {
		readPool.Put((*[readBufferSize]byte)(b[:readBufferSize]))
	}
}

func putWrite(b []byte) {
	if cap(b) == writeBufferSize {
		writePool.Put((*[writeBufferSize]byte)(b[:writeBufferSize]))
	}
}
