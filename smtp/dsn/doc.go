// Package dsn writes and reads delivery status notifications: the messages with
// which mail servers report to senders what happened to their mail.
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
// Send it with the null reverse-path, so that it does not cause another
// notification, and never in reply to a message that had the null reverse-path
// itself; [Wanted] reports whether the sender asked for it.
//
// To read one:
//
//	report, err := dsn.Parse(readerAt, nil)
//	for _, r := range report.Recipients { … r.Final, r.Action, r.Status … }
//
// Invariants:
//
//   - No value can add a field or a line: control characters are replaced by
//     spaces.
//   - What is written is parsed into the same values.
//   - Neither side holds the returned message in memory.
//   - The parser accepts what real servers send, and does not panic on any
//     input.
//
// RFCs: 3464 (message/delivery-status), 6522 (multipart/report), 6533
// (internationalised reports), 3461 (the parameters NOTIFY, RET, ENVID and
// ORCPT), 3463 (status codes).
package dsn
