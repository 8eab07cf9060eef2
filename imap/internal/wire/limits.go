package wire

// Limits bound what a peer can make a Decoder read. Zero fields take the value
// of LimitsAfterLogin, except that a zero Stream allows none.
type Limits struct {
	Line     int   // octets of one line, with its CRLF; so also of an atom, a keyword or a quoted string
	Literal  int64 // octets of a literal that is held in memory
	Command  int64 // octets of all lines and literals of one command, except streamed literals
	Stream   int64 // octets of a literal that is streamed (APPEND)
	Drain    int64 // octets of refused literals that are read and discarded; a peer that sends more is disconnected
	Depth    int   // nesting of lists and search keys
	Elements int   // items of lists and search keys in one command, together; unless there is Numbers, also:
	Numbers  int   // numbers in one search result, ranges in one set. Zero: as Elements
}

// LimitsBeforeLogin are the limits for peers that have not logged in.
// RFC 7162 §4 asks for lines of 8192 octets; SASL responses with tokens or
// tickets in them can be longer (RFC 4954 §4 expects 12288, sasl.MaxResponse is
// 16 KiB before base64), and an ID with 30 pairs of the longest names and values,
// if each octet of them is quoted with a backslash, has 63,428 (RFC 2971 §3.3).
func LimitsBeforeLogin() Limits {
	return Limits{
		Line: 64 << 10, Literal: 4096, Command: 64 << 10, Stream: 0, Drain: 64 << 10,
		Depth: 8, Elements: 64,
	}
}

// LimitsAfterLogin are the limits for peers that have logged in.
func LimitsAfterLogin() Limits {
	return Limits{
		Line: 64 << 10, Literal: 64 << 10, Command: 256 << 10, Stream: 1 << 40, Drain: 64 << 20,
		Depth: 256, Elements: 16 << 10,
	}
}

// LimitsClient are the limits for responses to a client, which holds the
// envelopes and headers of a whole mailbox in memory.
func LimitsClient() Limits {
	return Limits{
		Line: 1 << 20, Literal: 16 << 20, Command: 64 << 20, Stream: 1 << 40, Drain: 1 << 40,
		Depth: 256, Elements: 1 << 20,
	}
}

func (l Limits) withDefaults() Limits {
	d := LimitsAfterLogin()
	if l.Line <= 0 {
		l.Line = d.Line
	}
	if l.Literal <= 0 {
		l.Literal = d.Literal
	}
	if l.Command <= 0 {
		l.Command = d.Command
	}
	if l.Drain <= 0 {
		l.Drain = d.Drain
	}
	if l.Depth <= 0 {
		l.Depth = d.Depth
	}
	if l.Elements <= 0 {
		l.Elements = d.Elements
	}
	if l.Numbers <= 0 {
		l.Numbers = l.Elements
	}
	return l
}
