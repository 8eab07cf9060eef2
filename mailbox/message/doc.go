// Package message reads Internet messages: RFC 5322 headers and MIME. It knows
// nothing of networks or stores.
//
// A message is parsed once, while it is received, into a [Summary]: envelope,
// tree of parts with their offsets, references, and a preview. Whatever IMAP
// asks of a message later is answered from the summary and by reading only the
// octets in question:
//
//	p := message.NewParser(nil)
//	_, err := io.Copy(io.MultiWriter(file, p), conn) // stored and parsed at once
//	sum, defects := p.Finish()
//
//	fmt.Println(message.DecodeText(sum.Envelope.Subject))
//	if part := sum.Root.Find(1, 2); part != nil {
//		text, err := io.ReadAll(message.DecodedBody(file, part)) // UTF-8
//	}
//	stored, err := sum.AppendBinary(nil)
//
// What is stored can be read in part, see [Summary.UnmarshalItems]. A [Part] that
// a server has described, without its place in the message, is not Located:
// reading octets by it fails with [ErrNotLocated].
//
// Messages violate the standards, and still have to be shown. Nothing here
// fails because of the contents of a message: malformed parts are read as well
// as possible, and each violation is listed as a [Defect]. The only errors are
// those of readers.
//
// # What is implemented
//
//   - RFC 5322 with its obsolete syntax, RFC 6532 (UTF-8 in headers): [ParseAddressList],
//     [ParseDate], [MessageIDs], [Header]
//   - RFC 2045, 2046, 2183, 3282, 2557 (Content-Location) and 1864 (Content-MD5): [Part],
//     [NewTransferDecoder]
//   - RFC 2047 encoded words: [DecodeText]
//   - RFC 2231 parameters: [Part.Param], [Part.Filename]
//   - RFC 3501 and 9051 §6.4.5, part numbers and sections: [Part.Find], [Part.Section],
//     [SelectFields]
//   - RFC 5256 §2.1, base subjects: [BaseSubject]
//   - RFC 8970, previews: [Summary]
//
// # Invariants
//
//   - The parser reads each octet once and keeps none but the header that it is
//     reading and the start of the text for the preview, both bounded. The time
//     is linear in the message; recursion over parts is bounded by
//     [Options].MaxDepth.
//   - How a message is divided into writes does not change the result.
//   - Offsets, sizes and line counts are exact for every input, with CRLF, LF
//     or both as line ends, also past every limit.
//   - No string of a Summary holds NUL, CR or LF, so none can leave a quoted
//     string or a line that it is written to.
//   - The tree is well formed whatever the message: see [Part].
package message
