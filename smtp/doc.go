// Package smtp is the vocabulary of the Simple Mail Transfer Protocol: what
// clients and servers share. It holds addresses, commands with their
// parameters, replies, extensions and trace fields, each as a typed value with
// a parser and an encoder. It opens no connection: see the packages smtpclient
// and smtpserver.
//
// Most programs need two of them, an address and an error:
//
//	from, err := smtp.ParseAddress("alice@example.org")
//	…
//	return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}
//	…
//	var refused *smtp.Error
//	if errors.As(err, &refused) && refused.Temporary() { … try again later … }
//
// Invariants:
//
//   - No part of a value can be read as anything else on the wire. Encoders
//     refuse what cannot be written: CR, LF and NUL anywhere, angle brackets in
//     addresses, spaces in parameters.
//   - Parsers are strict. Each deviation from the grammar that they can accept
//     has a name (see [Leniency]) and is off by default.
//   - Parsing a command takes one allocation: the string that the results are
//     parts of.
//
// It implements the wire forms of RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 6409
// (submission), RFC 6531 and 6533 (SMTPUTF8), RFC 1870 (SIZE), RFC 2034, 3463
// and 5248 (enhanced status codes), RFC 2852 (DELIVERBY), RFC 2920
// (PIPELINING), RFC 3030 (CHUNKING, BINARYMIME), RFC 3207 (STARTTLS), RFC 3461
// (DSN), RFC 3848 (protocol names), RFC 3865 (NO-SOLICITING), RFC 3885 (MTRK),
// RFC 4141 (CONPERM, CONNEG), RFC 4865 (FUTURERELEASE), RFC 4954 (AUTH), RFC
// 6152 (8BITMIME), RFC 6710 (MT-PRIORITY), RFC 7293 (RRVS), RFC 8689
// (REQUIRETLS), RFC 9422 (LIMITS).
package smtp
