package pop3server

import "github.com/posthorn-mail/posthorn/pop3"

// stls turns on TLS (RFC 2595 §4). What the client said before is discarded,
// and data sent after the command ends the connection.
func (s *session) stls(pop3.Command) {
	switch {
	case s.c.TLS() != nil:
		s.err("", textTLSActive)
	case s.srv.TLSConfig == nil:
		s.err("", textNoTLS)
	case s.utf8: // RFC 6856 §2.1
		s.err("", textTLSAfterUTF8)
	default:
		s.say(textBeginTLS)
		s.user, s.named = "", false
		if err := s.c.StartTLSServer(s.ctx, s.srv.TLSConfig); err != nil {
			s.log().Debug("pop3: STLS failed", "error", err)
			s.ended = true
		}
	}
}
