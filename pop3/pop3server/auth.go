package pop3server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// maxAuthLine is the length of the longest response in base64 (to which RFC
// 5034 §4 does not apply the limit of commands), with a command before it.
const maxAuthLine = sasl.MaxEncoded + pop3.MaxCommand

func (s *session) saslConn() sasl.Conn {
	return sasl.Conn{
		Service: "pop", Host: s.srv.host, TLS: s.c.TLS(), RemoteAddr: s.c.RemoteAddr(),
		ServerCertificate: sasl.CertificateOf(s.srv.TLSConfig),
		NoChannelBinding:  !s.srv.ChannelBinding,
		AllowInsecure:     s.srv.AllowInsecureAuth, Mechanisms: s.srv.Mechanisms,
	}
}

// offersUser reports whether USER and PASS are served, or why not.
func (s *session) offersUser() error {
	c := s.saslConn()
	if c.Mechanisms != nil {
		named := false
		for _, m := range c.Mechanisms {
			named = named || strings.EqualFold(m, "USER")
		}
		if !named {
			return sasl.ErrUnsupported
		}
		c.Mechanisms = nil
	}
	_, err := sasl.NewServer("PLAIN", s.srv.Authenticator, c)
	return err
}

// cmdUser stores the name of USER (RFC 1939 §7). The answer does not depend on
// whether the user exists.
func (s *session) cmdUser(c pop3.Command) {
	switch err := s.offersUser(); {
	case errors.Is(err, sasl.ErrEncryptionNeeded):
		s.err("", textNeedTLS)
	case err != nil:
		s.err("", textNoUser)
	default:
		s.user, s.named = c.Arg, true
		s.say(textName)
	}
}

// pass checks the password of PASS, which must follow USER.
func (s *session) pass(c pop3.Command) {
	if !s.named {
		s.wrong(textNoName)
		return
	}
	user := s.user
	s.user, s.named = "", false
	sc := s.saslConn()
	s.login("USER", sc, func() (string, error) {
		return sasl.CheckPassword(s.ctx, s.srv.Authenticator, sc, user, c.Arg)
	})
}

// apop checks a digest over the greeting's timestamp (RFC 1939 §7).
func (s *session) apop(c pop3.Command) {
	if s.stamp == "" {
		s.err("", textNoAPOP)
		return
	}
	sc := s.saslConn()
	s.login("APOP", sc, func() (string, error) {
		return sasl.CheckAPOP(s.ctx, s.srv.Authenticator, sc, c.Arg, s.stamp, c.Second)
	})
}

// auth runs a SASL exchange (RFC 5034).
func (s *session) auth(c pop3.Command) {
	sc := s.saslConn()
	if c.Arg == "" {
		// Not in RFC 5034, but sent by clients that are older than CAPA.
		s.say(textMechanisms)
		for _, m := range sasl.Mechanisms(s.srv.Authenticator, sc) {
			s.c.WriteLine(m)
		}
		s.end()
		return
	}
	var initial []byte
	if c.Second != "" { // RFC 5034 §4: "=" is an empty initial response
		var err error
		if initial, err = sasl.Decode([]byte(c.Second)); err != nil {
			s.wrong(textAuthMalform)
			return
		}
	}
	mech, err := sasl.NewServer(c.Arg, s.srv.Authenticator, sc)
	if err != nil {
		s.err(refusal(err))
		return
	}
	s.login(mech.Name(), sc, func() (string, error) {
		s.c.SetSecret(true)
		defer s.c.SetSecret(false)
		return sasl.Serve(s.ctx, mech, initial, s.ask)
	})
}

// ask sends a challenge and reads the line that answers it. If the connection
// fails, the session is ended.
func (s *session) ask(challenge string) ([]byte, error) {
	s.c.WriteString("+ " + challenge + "\r\n")
	if err := s.c.Flush(); err != nil {
		s.ended = true
		return nil, err
	}
	line, err := s.c.ReadLine()
	switch {
	case err == nil, errors.Is(err, textproto.ErrBareLF):
		return line, nil
	case errors.Is(err, textproto.ErrLineTooLong) && !errors.Is(err, textproto.ErrLineEndless),
		errors.Is(err, textproto.ErrBareCR):
		return nil, fmt.Errorf("%w: %w", sasl.ErrMalformed, err)
	}
	s.ended = true
	return nil, err
}

// login makes an attempt to log in: it opens the maildrop of the identity that
// check returns, or answers with the reason for the failure.
func (s *session) login(mechanism string, sc sasl.Conn, check func() (string, error)) {
	err := s.attempts.Try(s.ctx, sc, mechanism, check, s.open)
	switch {
	case s.ended: // the connection is lost
		return
	case err == nil:
		s.unbind()
		s.c.SetMaxLine(pop3.MaxCommand)
		s.ok(s.text(textLoggedIn) + ", " + s.contents())
		return
	case errors.Is(err, sasl.ErrUnavailable):
		s.log().Error("pop3: authentication unavailable", "error", err)
	}
	if code, text := refusal(err); text != "" {
		s.err(code, text)
	} else {
		s.storeError("opening a maildrop", err)
	}
	s.ended = s.attempts.TooMany()
}

// refusal returns the answer to an attempt that ended with err. The text is
// empty for errors of the store.
func refusal(err error) (code pop3.Code, text string) {
	switch {
	case errors.Is(err, sasl.ErrAuthFailed):
		return pop3.CodeAuth, textAuthFailed
	case errors.Is(err, sasl.ErrAuthzDenied):
		return pop3.CodeAuth, textAuthDenied
	case errors.Is(err, sasl.ErrExpired):
		return pop3.CodeAuth, textAuthExpired
	case errors.Is(err, sasl.ErrMalformed):
		return "", textAuthMalform
	case errors.Is(err, sasl.ErrCancelled):
		return "", textAuthCancel
	case errors.Is(err, sasl.ErrEncryptionNeeded):
		return "", textNeedTLS
	case errors.Is(err, sasl.ErrUnsupported):
		return "", textNoMechanism
	case errors.Is(err, sasl.ErrUnavailable):
		return pop3.CodeSysTemp, textAuthLater
	case errors.Is(err, ErrInUse):
		return pop3.CodeInUse, textInUse
	case errors.Is(err, errLoginDelay):
		return pop3.CodeLoginDelay, textLoginDelay
	}
	return "", ""
}
