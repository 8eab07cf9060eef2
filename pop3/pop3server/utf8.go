package pop3server

import (
	"io"

	"github.com/posthorn-mail/posthorn/pop3"
)

// utf8Mode turns on UTF-8 mode (RFC 6856 §2.1).
func (s *session) utf8Mode(pop3.Command) {
	s.utf8 = true
	s.say(textUTF8)
}

type headerWriter struct{ w io.Writer }

func (h *headerWriter) Write(p []byte) (int, error) { return h.w.Write(p) }
func (h *headerWriter) close() error                { return nil }
