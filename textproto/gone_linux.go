package textproto

import (
	"encoding/binary"
	"syscall"
)

// tcpState returns the state of a TCP connection, whatever input is unread;
// peerUnsure: ask in another way.
func tcpState(fd int) peerState {
	// The first octet of struct tcp_info is the state, as in tcp(7).
	v, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_INFO)
	if err != nil {
		return peerUnsure // no TCP
	}
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], uint32(v))
	const established, closed = 1, 7
	switch b[0] {
	case closed:
		return peerGone
	case established:
		return peerThere
	}
	return peerUnsure
}
