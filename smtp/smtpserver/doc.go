// Package smtpserver serves SMTP, submission and LMTP.
//
// A [Server] needs a [Backend], which decides about each sender, recipient and
// message. [Delivery] is one that puts mail into the mailboxes of a store:
//
//	srv := &smtpserver.Server{
//		Hostname: "mx.example.org",
//		Backend: &smtpserver.Delivery{
//			Store: store,
//			Resolve: func(ctx context.Context, to smtp.Address) (account, mailbox string, err error) {
//				if to.ASCIIDomain() != "example.org" {
//					return "", "", smtpserver.ErrRelayDenied
//				}
//				return to.Local, "INBOX", nil
//			},
//		},
//	}
//	err := srv.ListenAndServe(":25")
//
// A [BackendFunc] is a function that is called with each message. [Wrap] puts
// functions around the calls of any Backend.
//
// TLS comes with TLSConfig (STARTTLS; ListenAndServeTLS serves TLS from the first
// octet), AUTH with an Authenticator.
//
// A *smtp.Error that a Session returns is sent unchanged; other errors are logged
// and become 451. Extensions are tables of commands, EHLO keywords and
// parameters, one file each; those that a Backend has to honour are offered only
// if it says that it does (see [Extender]).
//
// Invariants:
//
//   - Each command gets exactly one reply (in LMTP, the end of the data one for
//     each recipient), whatever the Backend does and however much of a body it
//     reads. Bodies that are refused are read to their end within bounds, or the
//     connection is closed.
//   - Only CRLF.CRLF ends DATA. A message with a bare CR or LF is refused, or
//     normalised if so configured (CVE-2023-51764 and similar), however it comes:
//     by DATA, BDAT or BURL. The body of one with BODY=BINARYMIME is excepted.
//   - All that was sent before TLS is discarded.
//   - All calls of a Session come from one goroutine, one at a time: between the
//     chunks of a message, while Data reads, no command reaches the Session.
//   - No message is held in memory.
//
// RFCs: 5321, 2033, 6409, 8314, 3464; 1870, 1985, 2034, 2852, 2920, 3030, 3207, 3461,
// 3865, 3885, 4141, 4468, 4865, 4954, 6152, 6531, 6710, 7293, 7504, 8689, 9422.
package smtpserver
