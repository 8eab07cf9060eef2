package textproto

import "bytes"

// IsHTTP reports whether a line is the first of an HTTP request. A browser can be made
// to send one to a mail server, with commands in its body and with the answers taken
// for a page of a web site (ALPACA, CVE-2021-3618): servers close the connection.
func IsHTTP(line []byte) bool {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	switch string(method) {
	case "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "PATCH", "TRACE", "PRI":
		return bytes.Contains(rest, []byte(" HTTP/"))
	}
	return false
}
