module github.com/posthorn-mail/posthorn/mailbox/sqlstore

go 1.26.0

require (
	github.com/posthorn-mail/posthorn v0.0.0
	github.com/stretchr/testify v1.12.1
	modernc.org/sqlite v1.61.1
)

replace github.com/posthorn-mail/posthorn => ../..
