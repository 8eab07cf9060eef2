package textproto

import "syscall"

// setQuickAck makes the kernel send the acknowledgement that it is delaying, and
// delay none until it expects an answer again (tcp(7), TCP_QUICKACK).
func setQuickAck(fd uintptr) error {
	return syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
}
