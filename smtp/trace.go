package smtp

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// A Received is the trace field that each server prepends to a message that it
// accepts (RFC 5321 §4.4).
type Received struct {
	// Hello is the name the client gave in EHLO, whatever it is, Addr the address
	// it came from,
	// Name the result of a reverse lookup of the address, if there was one.
	Hello string
	Addr  netip.Addr
	Name  string

	// By is this server's name, With the protocol (see [Protocol]), ID the
	// server's identifier of the message; ID may be empty.
	By, With, ID string

	// For is the recipient. Leave it zero if there are several, so that they do
	// not learn of each other (RFC 5321 §7.2).
	For Address

	// Time is when the message was received.
	Time time.Time

	// TLS is the state of the connection, nil without TLS.
	TLS *tls.ConnectionState
}

// Append appends the field, folded, with its CRLF. A Hello that is neither a domain
// nor an address literal goes into a comment, with "unknown" in its place (RFC 5321
// §4.4). Characters that are not allowed become question marks. A domain in Unicode
// is written in A-labels unless With is that of a message in UTF-8 (RFC 6531 §3.7.3).
func (r *Received) Append(dst []byte) []byte {
	dst = append(dst, "Received: from "...)
	hello := r.domain(r.Hello)
	valid := validDomain(hello, AllowUnderscores)
	if valid {
		dst = append(dst, hello...)
	} else {
		dst = append(dst, "unknown"...)
	}
	if r.Addr.IsValid() {
		dst = append(dst, " ("...)
		if r.Name != "" {
			dst = append(appendTraceWord(dst, r.Name, "unknown"), ' ')
		}
		dst = append(AppendAddrLiteral(dst, r.Addr), ')')
	}
	if !valid && hello != "" {
		dst = append(appendTraceWord(append(dst, "\r\n\t(helo "...), hello, ""), ')')
	}
	dst = append(dst, "\r\n\tby "...)
	dst = appendTraceWord(dst, r.domain(r.By), "localhost")
	if r.TLS != nil {
		dst = append(dst, " ("...)
		dst = appendTraceWord(dst, tlsVersion(r.TLS.Version), "TLS")
		dst = append(dst, ' ')
		dst = appendTraceWord(dst, tls.CipherSuiteName(r.TLS.CipherSuite), "?")
		dst = append(dst, ')')
	}
	if r.With != "" {
		dst = appendTraceWord(append(dst, " with "...), r.With, "SMTP")
	}
	if r.ID != "" {
		dst = appendTraceWord(append(dst, "\r\n\tid "...), r.ID, "?")
	}
	if !r.For.IsZero() {
		n := len(dst)
		dst = append(dst, "\r\n\tfor "...)
		var err error
		if dst, err = r.For.AppendPath(dst); err != nil {
			dst = dst[:n]
		}
	}
	dst = append(dst, ";\r\n\t"...)
	dst = r.Time.AppendFormat(dst, "Mon, 2 Jan 2006 15:04:05 -0700")
	return append(dst, "\r\n"...)
}

func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLS1.0"
	case tls.VersionTLS11:
		return "TLS1.1"
	case tls.VersionTLS12:
		return "TLS1.2"
	case tls.VersionTLS13:
		return "TLS1.3"
	}
	return "TLS"
}

// domain returns a name as it may stand in the field. What is not ASCII and no domain
// becomes question marks.
func (r *Received) domain(s string) string {
	if isASCII(s) {
		return s
	}
	if validDomain(s, AllowUnderscores) {
		if strings.HasPrefix(r.With, "UTF8") {
			return s
		}
		s = Address{Domain: s}.ASCIIDomain()
	}
	return strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf {
			return '?'
		}
		return c
	}, s)
}

// appendTraceWord appends s as one word, which cannot start a comment.
func appendTraceWord(dst []byte, s, empty string) []byte {
	if s == "" {
		s = empty
	}
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == 0x7f || c == '(' || c == ')' || c == '<' || c == '>' || c == ';' || c == ',' || c == '"' || c == '\\' {
			c = '?'
		}
		dst = append(dst, c)
	}
	return dst
}

// AppendAddrLiteral appends an IP address as an address literal (RFC 5321
// §4.1.3), such as [192.0.2.1] or [IPv6:2001:db8::1].
func AppendAddrLiteral(dst []byte, a netip.Addr) []byte {
	a = a.Unmap().WithZone("")
	dst = append(dst, '[')
	if a.Is6() {
		dst = append(dst, "IPv6:"...)
	}
	return append(a.AppendTo(dst), ']')
}

// AppendReturnPath appends the Return-Path field with its CRLF, which the
// server that makes the final delivery prepends (RFC 5321 §4.4). An address
// that can't be written is replaced by the null reverse-path.
func AppendReturnPath(dst []byte, from Address) []byte {
	dst = append(dst, "Return-Path: "...)
	n := len(dst)
	dst, err := from.AppendPath(dst)
	if err != nil {
		dst = append(dst[:n], "<>"...)
	}
	return append(dst, "\r\n"...)
}

// Protocol returns the name for the "with" clause of a Received field (RFC 3848,
// RFC 6531 §4.3): SMTP, ESMTP, ESMTPS, ESMTPSA, UTF8SMTP…, LMTP….
func Protocol(lmtp, extended, tls, auth, utf8 bool) string {
	name := "SMTP"
	switch {
	case lmtp && utf8:
		name = "UTF8LMTP"
	case lmtp:
		name = "LMTP"
	case utf8:
		name = "UTF8SMTP"
	case extended:
		name = "ESMTP"
	default:
		return name // without EHLO there is neither TLS nor AUTH
	}
	if tls {
		name += "S"
	}
	if auth {
		name += "A"
	}
	return name
}
