// Package outbound delivers mail as mail servers do: to the hosts that the
// recipients' domains name in the DNS.
//
//	d := &outbound.Deliverer{
//		Options:  smtpclient.Options{LocalName: "mail.example.org"},
//		Resolver: &outbound.DNS{}, // a validating name server on this host, for DANE
//		MTASTS:   &outbound.MTASTS{Fetch: mtasts.Fetch},
//	}
//	env, err := smtpclient.ParseEnvelope("alice@example.org", "bob@example.net", "carol@example.com")
//	out, err := d.Deliver(ctx, env, bytes.NewReader(message))
//	for _, r := range out.Recipients {
//		… r.Status, r.Err, smtpclient.Temporary(r.Err) …
//	}
//
// The zero [Deliverer] works, with the system's resolver and opportunistic TLS.
// It tries the hosts once, over the client of package smtpclient; queues, retries
// and notifications (package smtp/dsn) are for the caller. Package smtp/mtasts
// fetches MTA-STS policies, package smtp/tlsrpt makes reports of what
// [Deliverer.OnAttempt] is told.
//
// Invariants:
//
//   - A recipient gets a message from at most one host, and never again after the
//     whole message went out without an answer.
//   - What a domain demands of TLS by TLSA records or an MTA-STS policy is met
//     before anything of the message is sent, unless the [TLSPolicy] says
//     otherwise. That a lookup fails never lowers the demands.
//   - Mail to hosts on loopback and link-local addresses, and to this host, is
//     refused unless allowed.
//   - The number of addresses that are tried, and what is kept in memory, have
//     limits.
//
// RFCs: 5321 §5.1, 7505 (null MX), 6698 and 7672 (DANE), 8461 (MTA-STS), 8689
// (REQUIRETLS), 8460 (results for reports); what a relay may leave out: 2852,
// 3461, 6710, 7293.
package outbound
