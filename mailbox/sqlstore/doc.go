// Package sqlstore keeps mailboxes in a SQL database.
package sqlstore
