package smtp

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// Track is the certifier of RFC 3885: a digest of the secret with which the
// sender will ask for the status, and how long to keep the information, zero
// for the server's choice.
type Track struct {
	Certifier []byte
	Timeout   time.Duration // whole seconds
}

// NewTrack returns the certifier for a secret: its SHA-1 digest (RFC 3885 §4). The
// secret should be 16 random octets or more, and be kept to ask for the status (MTQP,
// RFC 3887). The message needs an EnvelopeID as well.
func NewTrack(secret []byte) *Track {
	sum := sha1.Sum(secret)
	return &Track{Certifier: sum[:]}
}

// mtrkParam is MTRK of RFC 3885 §3.1: the certifier in base64, then an optional
// ":" and number of seconds.
var mtrkParam = mailParam{
	keyword: "MTRK", ext: ExtMTRK,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		cert, timeout, found := strings.Cut(value, ":")
		// The padding of base64, "=", is not allowed in a value and is omitted.
		b, err := base64.RawStdEncoding.Strict().DecodeString(cert)
		t := Track{Certifier: b}
		if found {
			n, ok := parseDigits(timeout, 9)
			if !ok {
				return false
			}
			t.Timeout = time.Duration(n) * time.Second
		}
		o.Track = &t
		return err == nil && len(b) > 0 && len(b) <= 64
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		switch {
		case o.Track == nil:
			return dst, false, nil
		case len(o.Track.Certifier) == 0 || len(o.Track.Certifier) > 64 || o.Track.Timeout < 0 || o.Track.Timeout > 999999999*time.Second:
			return dst, false, errors.New("out of range")
		}
		dst = base64.RawStdEncoding.AppendEncode(dst, o.Track.Certifier)
		if o.Track.Timeout > 0 {
			dst = appendSeconds(append(dst, ':'), o.Track.Timeout)
		}
		return dst, true, nil
	},
}
