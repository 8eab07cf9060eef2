// Package message reads Internet messages: RFC 5322 headers and MIME.
package message
