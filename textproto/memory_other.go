//go:build !linux

package textproto

func systemMemory() int64 { return 0 }
