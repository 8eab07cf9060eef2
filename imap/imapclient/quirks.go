package imapclient

import "bytes"

// RetrievalFailed reports whether a message, of which the beginning is enough, is
// the one that Exchange sends in place of a message that it can't render for IMAP.
// It has the UID of that message, and says so in its subject.
func RetrievalFailed(msg []byte) bool {
	head, _, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	for line := range bytes.Lines(head) {
		if bytes.HasPrefix(line, []byte("Subject: Retrieval using the IMAP4 protocol failed for the following message:")) {
			return true
		}
	}
	return false
}
