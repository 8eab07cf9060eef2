package textproto

import "bytes"

// BufferedLine tells whether the next ReadLine has a whole line in the buffer:
// whether the peer has pipelined another command.
func (c *Conn) BufferedLine() bool { return bytes.IndexByte(c.buf[c.r:c.w], '\n') >= 0 }
