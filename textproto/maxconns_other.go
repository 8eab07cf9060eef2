//go:build !unix

package textproto

func maxConns() int { return DefaultMaxConns }
