// Mailserver is a mail server that any mail program can use: SMTP in, IMAP and
// POP3 out, on a SQLite file, with nothing to set up.
//
//	go run ./examples/mailserver
//
// It creates two accounts, alice and bob at example.org, prints the addresses
// it listens on and how to log in, and keeps everything in ./mail-data. With
// -user it serves the accounts that are named there instead:
//
//	go run ./examples/mailserver -user carol@example.net:secret -listen 0.0.0.0 -tls-cert cert.pem -tls-key key.pem
//
// It shows how the packages of Posthorn are put together, one idea a file:
//
//	config.go    the flags
//	accounts.go  the accounts that may log in
//	store.go     the mailbox.Store, its accounts and quotas
//	policy.go    the submission and the delivery policy: which mail is accepted from whom
//	servers.go   one server per port
//	tls.go       the certificate
//	log.go       the logging of logins and mail
//	metrics.go   the counters, for monitoring
package main
