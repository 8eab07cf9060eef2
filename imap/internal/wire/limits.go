package wire

// Limits bound what a peer can make a Decoder read. Zero fields take the value
// of LimitsAfterLogin, but for Stream: there zero allows none.
type Limits struct {
	Line     int   // octets of one line, with its CRLF
	Literal  int64 // octets of a literal that is held in memory
	Command  int64 // octets of all lines and literals of one command, but for streamed literals
	Stream   int64 // octets of a literal that is streamed (APPEND)
	Drain    int64 // octets of unwanted literals that are read and thrown away before the connection is given up
	Depth    int   // nesting of lists and search keys
	Elements int   // ranges in one set, items in one list, search keys in one command
}

// LimitsBeforeLogin are the limits for peers that have not said who they are.
// RFC 7162 §4 asks for lines of 8192 octets; SASL responses with tokens or
// tickets in them can be longer (RFC 4954 §4 reckons with 12288, sasl.MaxResponse
// with 16 KiB before base64).
func LimitsBeforeLogin() Limits {
	return Limits{
		Line: 24 << 10, Literal: 4096, Command: 32 << 10, Stream: 0, Drain: 64 << 10,
		Depth: 8, Elements: 64,
	}
}

// LimitsAfterLogin are the limits for users.
func LimitsAfterLogin() Limits {
	return Limits{
		Line: 64 << 10, Literal: 64 << 10, Command: 256 << 10, Stream: 1 << 40, Drain: 64 << 20,
		Depth: 256, Elements: 16 << 10,
	}
}

// LimitsClient are the limits for what a server may send to a client, which
// holds envelopes and headers of whole mailboxes' messages in memory.
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
	return l
}
