module github.com/posthorn-mail/posthorn/examples

go 1.26.0

require (
	github.com/posthorn-mail/posthorn v0.0.0
	github.com/posthorn-mail/posthorn/mailbox/sqlstore v0.0.0
)

replace (
	github.com/posthorn-mail/posthorn => ..
	github.com/posthorn-mail/posthorn/mailbox/sqlstore => ../mailbox/sqlstore
)
