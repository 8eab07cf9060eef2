package grammar

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/sasl"
)

// authenticateExt is AUTHENTICATE (RFC 9051 §6.2.2), with the initial response
// of RFC 4959.
func authenticateExt() extension {
	return extension{commands: []row[imap.Command]{command("AUTHENTICATE", readAuthenticate, writeAuthenticate)}}
}

func readAuthenticate(d *decoder, c *imap.Authenticate) bool {
	if !d.SP() || !d.Atom(&c.Mechanism) {
		return false
	}
	c.Mechanism = strings.ToUpper(c.Mechanism)
	if !d.offers(imap.CapSASLIR, imap.CapIMAP4rev2) || !d.TrySP() { // RFC 4959 §3
		return true
	}
	text := bytes.TrimRight(d.Rest(), " ")
	initial, err := sasl.Decode(text)
	if err != nil {
		return d.Fail(&imap.Error{Status: imap.BAD, Text: "invalid base64"})
	}
	c.Initial = initial
	return true
}

func writeAuthenticate(e *wire.Encoder, c *imap.Authenticate) {
	e.SP().Atom(c.Mechanism)
	if c.Initial == nil {
		return
	}
	e.SP()
	if len(c.Initial) == 0 {
		e.Raw("=")
	}
	e.B = base64.StdEncoding.AppendEncode(e.B, c.Initial)
}

// WriteChallenge sends a SASL challenge, given in base64.
func (r *Reader) WriteChallenge(challenge string) error { return r.writeLine("+ " + challenge) }

// ReadResponse reads the response to a challenge, which is valid until the next
// read. An *imap.Error as from ReadCommand says that the line is not a response.
func (r *Reader) ReadResponse() ([]byte, error) {
	if err := r.d.Begin(); err != nil {
		return nil, r.refuse(err)
	}
	return r.d.Rest(), nil
}
