//go:build unix && !aix

package textproto

import "syscall"

// look asks for the state of a socket without changing it.
func look(fd int, tls bool) peerState {
	if state := tcpState(fd); state != peerUnsure {
		return state
	}
	var b [64]byte
	n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR || err == syscall.EWOULDBLOCK:
		return peerThere
	case err != nil:
		return peerGone
	case n == 0, tls && isCloseNotify(b[:n]):
		return peerHalf
	}
	return peerThere // there is input
}

// isCloseNotify reports whether b, all that is unread, can only be the alert with
// which TLS ends its output (RFC 8446 §6.1): a record of that type, or an
// encrypted one with room for nothing else, of two octets, their type, and the 16
// octets that the ciphers of TLS 1.3 add.
func isCloseNotify(b []byte) bool {
	if len(b) < 5 {
		return false
	}
	const alert, applicationData = 21, 23
	size := int(b[3])<<8 | int(b[4])
	if len(b) != 5+size {
		return false
	}
	return b[0] == alert || b[0] == applicationData && size <= 2+1+16
}
