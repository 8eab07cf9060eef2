// Package systemtest tests a whole mail server from outside: it builds
// examples/mailserver, runs it as a process and talks to it as mail programs,
// attackers and impatient users do.
//
//   - clients_test.go: the mail programs of a Debian system
//   - model_test.go: many IMAP clients that change one mailbox at once
//   - crash_test.go: what was acknowledged survives kill -9
//   - abuse_test.go, big_test.go, idle_test.go: memory and time under load
//   - attack_test.go, attacks_test.go, honest_test.go: what honest clients notice
//     of attackers beside them, and what these take
//   - published_test.go and its tables: what was published of other mail software,
//     tried on ours
//   - programs_test.go: the other examples, against this server and Dovecot
//   - proxy_test.go: examples/proxy in front of this server and of Dovecot
//   - copy_test.go, copykill_test.go, copyspeed_test.go: examples/copy
//   - latency_test.go: how long clients wait that write in pieces
//   - errors_test.go: what the program says when it cannot start
//
// Where the environment variable MAILSERVER_RACE is set, the server is built
// with the race detector, and limits on memory and time do not apply.
package systemtest
