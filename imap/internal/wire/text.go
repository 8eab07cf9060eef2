package wire

// Text appends human-readable text. s can hold anything: control characters
// become blanks, and characters that the peer can't accept become "?". The result
// is never empty.
func (e *Encoder) Text(s string) *Encoder {
	n := len(e.B)
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f:
			e.B = append(e.B, ' ')
		case r < 0x80:
			e.B = append(e.B, byte(r))
		case e.UTF8:
			e.B = append(e.B, string(r)...)
		default:
			e.B = append(e.B, '?')
		}
	}
	switch {
	case len(e.B) == n:
		e.B = append(e.B, '-')
	case e.B[n] == '[' && n > 0 && e.B[n-1] == ' ' && (n < 2 || e.B[n-2] != ']'):
		e.B[n] = '(' // "[" would begin a response code
	}
	return e
}
