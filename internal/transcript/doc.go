// Package transcript plays dialogues between a client and a server, written
// down as text files: the client's part against a server under test, or the
// server's part against a client under test.
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
// Or it plays the server, by a text in the test or by files:
//
//	srv := transcript.Serve(t, `
//	S: * OK ready
//	C: {{tag:}} FETCH 1 BODY.PEEK[]
//	S: * 1 FETCH (BODY[] ${lit "Subject: hi\r\n\r\n\x00"})
//	S: ${tag} OK done
//	C: {{tag:}} APPEND Sent {5}
//	S: + go ahead
//	C- "hello\r\n"
//	S: ${tag} OK done
//	`, nil)
//	c, err := imapclient.NewClient(ctx, srv.Dial(), nil)
//
//	transcript.ServeDir(t, "testdata/*.txt", nil, map[string]func(t *testing.T, srv *transcript.Server){
//		"rfc3501-fetch": func(t *testing.T, srv *transcript.Server) { … },
//	})
//
// # Lines
//
// Where C and S stand in the first place, they name who sends: the client or the
// server. The side that the package plays sends it, and otherwise expects it.
//
//   - "C: text" and "S: text" are a line that ends in CRLF; "C:" is an empty
//     line. What is expected is a pattern.
//   - "S* pattern", "C* pattern" read as many lines as match, possibly none, or
//     up to the end of the connection.
//   - "S& pattern", "C& pattern": adjacent lines of this kind match the next
//     lines in any order, each exactly one.
//   - `C- "text"` and `S- "text"` are exactly these octets, written as a Go
//     string: literals, bare line feeds, half a command.
//   - "STARTTLS" makes the TLS handshake. The client trusts any certificate. As
//     the first step it stands for a connection with TLS from the first octet.
//   - "DEFLATE" compresses both directions from here on (RFC 4978).
//   - "CLOSE": the server closes the connection. "RESET": it does so without a
//     farewell of TLS or TCP, and what it has just sent may be lost. "EOF": it
//     closes its direction only.
//   - "DROP": the client closes the connection. "HALFCLOSE": it closes its
//     direction only.
//   - "WAIT 50ms" does nothing for this time. "SILENT 50ms" expects the other
//     side to send nothing for this time.
//   - "@name value" sets an option that the test reads before it starts.
//     "@covers NAME …" says what the script tries, for [CheckCovers].
//     "@timeout 1h" is the time that each step may take instead of ten seconds.
//     "@every" lets a server play the script to every connection by itself, and
//     "@synctest" has a meaning for [ServeDir].
//   - "# comment", and empty lines.
//
// All but the last two kinds may start with a number and a blank, which names
// one of several connections: "2 C: NOOP". A client makes a connection when it
// is first mentioned; a server then accepts one.
//
// # Patterns and variables
//
// In a pattern, "{{expr}}" matches a regular expression and "{{name:expr}}"
// stores what it matched, for "${name}" in later lines. "{{name:}}" is short
// for "{{name:\S+}}". Everything else is literal, with braces around it, too:
// "{{{size:\d+}}}". In text, patterns and quoted strings alike, ${b64 "text"}
// stands for the text in base64, ${rep 3 "text"} for its repetition, and
// ${lit "text"} for an IMAP literal with its size; ${lit 1000 "text"} is one with
// the repetition. The text is a Go string.
//
// Scripts that send several lines before they read need a connection that
// buffers (TCP, not net.Pipe), or another side that reads at all times.
package transcript
