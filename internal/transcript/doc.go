// Package transcript plays dialogues between a client and a server, written
// down as text files, against a server under test.
//
// A file reads like the examples of an RFC:
//
//	# RFC 1939 §10
//	@messages 2
//	S: +OK {{.*}} <{{stamp:[^>]+}}>
//	C: STAT
//	S: +OK 2 320
//	C: QUIT
//	S: +OK{{.*}}
//	CLOSE
//
// A test plays every such file of a folder, each against a server of its own:
//
//	transcript.RunDir(t, "testdata/*.txt", func(t testing.TB, s *transcript.Script) transcript.Dial {
//		addr := startServer(t, s.Option("messages"))
//		return transcript.DialTCP(addr)
//	})
//
// # Lines
//
//   - "C: text" sends the text and CRLF; "C:" sends an empty line.
//   - "S: pattern" reads a line, which must end in CRLF and match.
//   - "S* pattern" reads as many lines as match, possibly none.
//   - "S& pattern": adjacent lines of this kind match the next lines in any
//     order, each exactly one.
//   - `C- "text"` and `S- "text"` send or expect exactly these octets, written
//     as a Go string: literals, bare line feeds, half a command.
//   - "STARTTLS" makes the TLS handshake as the client, trusting any
//     certificate.
//   - "CLOSE" expects the server to close the connection, "HALFCLOSE" closes
//     the client's direction only, "DROP" both.
//   - "@name value" sets an option that the test reads before it starts.
//     "@covers NAME …" says what the script tries, for [CheckCovers].
//   - "# comment", and empty lines.
//
// All but the last two kinds may start with a number and a blank, which names
// one of several connections: "2 C: NOOP". A connection is made when it is
// first mentioned.
//
// # Patterns and variables
//
// In a pattern, "{{expr}}" matches a regular expression and "{{name:expr}}"
// stores what it matched, for "${name}" in later lines. Everything else is
// literal. In text, patterns and quoted strings alike, ${b64 "text"} stands
// for the text in base64 and ${rep 3 "text"} for its repetition; the text is a
// Go string.
//
// Every step has ten seconds to complete. Scripts that send several lines
// before they read need a connection that buffers (TCP, not net.Pipe).
package transcript
