package sqlite

import (
	"sync"
	"sync/atomic"
)

// budget provides the buffers for arriving messages, and bounds their total size:
// once it is used up, a call gets a small buffer, which is always granted.
type budget struct {
	free  atomic.Int64
	pools [len(bufferSizes)]sync.Pool
}

var bufferSizes = [...]int{4 << 10, minChunk, maxBody, maxChunk}

// get returns an empty buffer for size octets, or a smaller one of at least
// minChunk if size is more than that.
func (b *budget) get(size int) []byte {
	class := 0
	for class < len(bufferSizes)-1 && bufferSizes[class] < size {
		class++
	}
	for bufferSizes[class] > minChunk && b.free.Load() < int64(bufferSizes[class]) {
		class--
	}
	b.free.Add(-int64(bufferSizes[class]))
	if p, ok := b.pools[class].Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, bufferSizes[class])
}

// put returns a buffer that get provided, or nil, to the budget.
func (b *budget) put(buf []byte) {
	for class, size := range bufferSizes {
		if cap(buf) == size {
			b.free.Add(int64(size))
			buf = buf[:0]
			b.pools[class].Put(&buf)
		}
	}
}

// grow returns a larger buffer with the same octets, or buf itself if it can't
// grow.
func (b *budget) grow(buf []byte) []byte {
	if cap(buf) >= maxChunk {
		return buf
	}
	larger := b.get(4 * cap(buf))
	if cap(larger) <= cap(buf) {
		b.put(larger)
		return buf
	}
	larger = append(larger, buf...)
	b.put(buf)
	return larger
}
