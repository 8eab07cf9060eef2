//go:build unix && !linux && !aix

package textproto

// tcpState knows nothing here.
func tcpState(int) peerState { return peerUnsure }
