// Package dsn writes and reads delivery status notifications: the messages by
// which mail servers tell senders what became of their mail.
//
// To tell a sender that a message could not be delivered:
//
//	m := &dsn.Message{
//		To: returnPath,
//		Report: dsn.Report{
//			ReportingMTA: dsn.MTA{Type: "dns", Name: "mx.example.org"},
//			Recipients:   []dsn.Recipient{dsn.NewRecipient(to, options, dsn.Failed, refusal)},
//		},
//		Original: original, // an io.Reader of the message that failed
//	}
//	_, err := m.WriteTo(w)
//
// It goes out with the null reverse-path, so that it is never answered by
// another, and never in answer to a message that had one; [Wanted] tells whether
// the sender asked for it.
//
// To read one:
//
//	report, err := dsn.Parse(readerAt, nil)
//	for _, r := range report.Recipients { … r.Final, r.Action, r.Status … }
//
// Invariants:
//
//   - Nothing from a value can become another field or line: control characters
//     are replaced by spaces.
//   - What is written can be parsed into the same values.
//   - Neither side holds the returned message in memory.
//   - The parser takes what real servers send; nothing makes it panic.
//
// RFCs: 3464 (message/delivery-status), 6522 (multipart/report), 6533
// (internationalised reports), 3461 (what the sender asks for in the envelope),
// 3463 (status codes).
package dsn
