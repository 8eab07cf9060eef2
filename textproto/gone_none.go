//go:build !unix

package textproto

func look(int, bool) peerState { return peerThere }
