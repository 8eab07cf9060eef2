package smtp

import (
	"fmt"
	"strconv"
	"strings"
)

// BdatCommand is the argument of BDAT (RFC 3030 §2).
type BdatCommand struct {
	Size int64 // octets of the chunk, which follow the command's line
	Last bool
}

// Bdat parses the argument of BDAT.
func (p *Parser) Bdat(arg string) (BdatCommand, error) {
	size, last, found := strings.Cut(arg, " ")
	n, ok := parseDigits(size, 18)
	if !ok || found && !strings.EqualFold(strings.TrimLeft(last, " "), "LAST") {
		return BdatCommand{}, errSyntax
	}
	return BdatCommand{n, found}, nil
}

// AppendBdat appends a BDAT command with its CRLF.
func AppendBdat(dst []byte, size int64, last bool) []byte {
	dst = append(dst, "BDAT "...)
	dst = strconv.AppendInt(dst, max(size, 0), 10)
	if last {
		dst = append(dst, " LAST"...)
	}
	return append(dst, "\r\n"...)
}

// BurlCommand is the argument of BURL (RFC 4468 §3.1).
type BurlCommand struct {
	URL  string // usually an IMAP URL; printable ASCII
	Last bool
}

// Burl parses the argument of BURL.
func (p *Parser) Burl(arg string) (BurlCommand, error) {
	url, last, found := strings.Cut(arg, " ")
	if url == "" || found && !strings.EqualFold(strings.TrimLeft(last, " "), "LAST") {
		return BurlCommand{}, errSyntax
	}
	if !isURL(url) {
		return BurlCommand{}, errSyntax
	}
	return BurlCommand{url, found}, nil
}

// isURL reports whether s can be sent in a command as a URL.
func isURL(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// AppendBurl appends a BURL command with its CRLF. A URL that contains a space,
// a control character or a character outside ASCII is an error, which does not show
// it: it may be a capability (RFC 4468 §8).
func AppendBurl(dst []byte, url string, last bool) ([]byte, error) {
	if !isURL(url) {
		return dst, fmt.Errorf("smtp: URL of BURL: %w", errSyntax)
	}
	dst = append(append(dst, "BURL "...), url...)
	if last {
		dst = append(dst, " LAST"...)
	}
	return append(dst, "\r\n"...), nil
}
