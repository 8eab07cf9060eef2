package smtp

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// requireTLSParam is REQUIRETLS of RFC 8689 §2.
var requireTLSParam = mailParam{
	keyword: "REQUIRETLS", ext: ExtRequireTLS, bare: true,
	parse: func(_ *Parser, o *MailOptions, _ string) bool {
		o.RequireTLS = true
		return true
	},
	append: func(dst []byte, o *MailOptions) ([]byte, bool, error) { return dst, o.RequireTLS, nil },
}

// mtPriorityParam is MT-PRIORITY of RFC 6710 §4: -9 to 9.
var mtPriorityParam = mailParam{
	keyword: "MT-PRIORITY", ext: ExtMTPriority,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		digits, negative := strings.CutPrefix(value, "-")
		n, ok := parseDigits(digits, 1)
		if !ok || negative && n == 0 {
			return false
		}
		priority := int(n)
		if negative {
			priority = -priority
		}
		o.Priority = &priority
		return true
	},
	append: func(dst []byte, o *MailOptions) ([]byte, bool, error) {
		switch {
		case o.Priority == nil:
			return dst, false, nil
		case *o.Priority < -9 || *o.Priority > 9:
			return dst, false, errors.New("must be between -9 and 9")
		}
		return strconv.AppendInt(dst, int64(*o.Priority), 10), true, nil
	},
}

// solicitParam is SOLICIT of RFC 3865 §2.4: solicitation keywords, which are
// domain names with an optional ":" part, separated by commas.
var solicitParam = mailParam{
	keyword: "SOLICIT", ext: ExtNoSoliciting,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		o.Solicit = strings.Split(value, ",")
		for _, word := range o.Solicit {
			if !validSolicitation(word) {
				return false
			}
		}
		return len(value) <= 1000
	},
	append: func(dst []byte, o *MailOptions) ([]byte, bool, error) {
		for i, word := range o.Solicit {
			if !validSolicitation(word) {
				return dst, false, errors.New("bad solicitation class keyword")
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, word...)
		}
		return dst, len(o.Solicit) > 0, nil
	},
}

func validSolicitation(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '.' && c != ':' && c != '_' && c != '/' {
			return false
		}
	}
	return s != "" && isAlnum(s[0])
}

// mtrkParam is MTRK of RFC 3885 §3.1: the certifier in base64, then an optional
// ":" and number of seconds.
var mtrkParam = mailParam{
	keyword: "MTRK", ext: ExtMTRK,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		cert, timeout, found := strings.Cut(value, ":")
		// The padding of base64, "=", can't stand in a value: it is left off.
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
	append: func(dst []byte, o *MailOptions) ([]byte, bool, error) {
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

// conPermParam is CONPERM of RFC 4141 §3.
var conPermParam = mailParam{
	keyword: "CONPERM", ext: ExtConPerm, bare: true,
	parse: func(_ *Parser, o *MailOptions, _ string) bool {
		o.ConversionPermitted = true
		return true
	},
	append: func(dst []byte, o *MailOptions) ([]byte, bool, error) { return dst, o.ConversionPermitted, nil },
}

// conNegParam is CONNEG of RFC 4141 §4.
var conNegParam = rcptParam{
	keyword: "CONNEG", ext: ExtConNeg, bare: true,
	parse: func(_ *Parser, o *RcptOptions, _ string) bool {
		o.ConversionNegotiated = true
		return true
	},
	append: func(dst []byte, o *RcptOptions, _ bool) ([]byte, bool, error) {
		return dst, o.ConversionNegotiated, nil
	},
}

// rrvsParam is RRVS of RFC 7293 §3.1: a date-time, then an optional ";C"
// (continue) or ";R" (reject).
var rrvsParam = rcptParam{
	keyword: "RRVS", ext: ExtRRVS,
	parse: func(_ *Parser, o *RcptOptions, value string) (ok bool) {
		date, action, found := strings.Cut(value, ";")
		if o.ValidSince, ok = parseTime(date); !ok || o.ValidSince.IsZero() {
			return false
		}
		switch {
		case !found:
		case action == "R" || action == "r":
			o.ValidSinceAction = 'R'
		case action == "C" || action == "c":
			o.ValidSinceAction = 'C'
		default:
			return false
		}
		return true
	},
	append: func(dst []byte, o *RcptOptions, _ bool) ([]byte, bool, error) {
		dst = o.ValidSince.UTC().AppendFormat(dst, time.RFC3339)
		switch o.ValidSinceAction {
		case 0:
		case 'R', 'C':
			dst = append(dst, ';', o.ValidSinceAction)
		default:
			return dst, false, errors.New("action must be R or C")
		}
		return dst, !o.ValidSince.IsZero(), nil
	},
}
