package pop3server

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// maxAuthLine holds the longest response in base64 (RFC 5034 §4 sets the limit
// of commands aside for these lines), and a command before it.
const maxAuthLine = (sasl.MaxResponse+2)/3*4 + pop3.MaxCommand

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

// cmdUser takes the name of USER (RFC 1939 §7). Whether there is such a user is
// not told.
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

// pass takes the password of PASS, which must follow USER.
func (s *session) pass(c pop3.Command) {
	if !s.named {
		s.wrong(textNoName)
		return
	}
	user := s.user
	s.user, s.named = "", false
	sc := s.saslConn()
	identity, err := sasl.CheckPassword(s.ctx, s.srv.Authenticator, sc, user, c.Arg)
	s.login("USER", sc, identity, err)
}

// apop checks a digest over the greeting's timestamp (RFC 1939 §7).
func (s *session) apop(c pop3.Command) {
	if s.stamp == "" {
		s.err("", textNoAPOP)
		return
	}
	sc := s.saslConn()
	identity, err := sasl.CheckAPOP(s.ctx, s.srv.Authenticator, sc, c.Arg, s.stamp, c.Second)
	s.login("APOP", sc, identity, err)
}

// auth runs a SASL exchange (RFC 5034).
func (s *session) auth(c pop3.Command) {
	sc := s.saslConn()
	if c.Arg == "" {
		// Not in RFC 5034, but what clients from before CAPA send.
		s.say(textMechanisms)
		for _, m := range sasl.Mechanisms(s.srv.Authenticator, sc) {
			s.c.WriteLine(m)
		}
		s.end()
		return
	}
	mech, err := sasl.NewServer(c.Arg, s.srv.Authenticator, sc)
	if err != nil {
		if errors.Is(err, sasl.ErrEncryptionNeeded) {
			s.err("", textNeedTLS)
		} else {
			s.err("", textNoMechanism)
		}
		return
	}
	err = s.exchange(mech, c.Second)
	if s.ended {
		return
	}
	s.login(mech.Name(), sc, mech.Identity(), err)
}

// exchange runs the mechanism to its end. If the connection fails, the session
// is ended.
func (s *session) exchange(mech sasl.Server, initial string) error {
	var response []byte
	switch initial {
	case "":
	case "=": // RFC 5034 §4: empty, but there
		response = []byte{}
	default:
		var err error
		if response, err = base64.StdEncoding.DecodeString(initial); err != nil {
			return sasl.ErrMalformed
		}
	}
	for {
		challenge, done, err := mech.Next(s.ctx, response)
		if err != nil {
			return err
		}
		if challenge == nil && done {
			return nil
		}
		if response, err = s.ask(challenge); err != nil {
			return err
		}
		if done {
			// POP3 has no place for data in +OK: the client has answered
			// it with nothing (RFC 5034 §4).
			if len(response) > 0 {
				return sasl.ErrMalformed
			}
			return nil
		}
	}
}

// ask sends a challenge and reads the response.
func (s *session) ask(challenge []byte) ([]byte, error) {
	b := append(s.c.AvailableBuffer(), "+ "...)
	b = base64.StdEncoding.AppendEncode(b, challenge)
	s.c.SetSecret(true)
	defer s.c.SetSecret(false)
	s.c.Write(append(b, '\r', '\n'))
	if err := s.c.Flush(); err != nil {
		s.ended = true
		return nil, err
	}
	line, err := s.c.ReadLine()
	switch {
	case errors.Is(err, textproto.ErrLineTooLong) && !errors.Is(err, textproto.ErrLineEndless),
		errors.Is(err, textproto.ErrBareCR):
		return nil, sasl.ErrMalformed
	case err != nil && !errors.Is(err, textproto.ErrBareLF):
		s.ended = true
		return nil, err
	}
	if string(line) == "*" {
		return nil, sasl.ErrCancelled
	}
	response := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Decode(response, line)
	if err != nil {
		return nil, sasl.ErrMalformed
	}
	return response[:n], nil
}

// login ends an attempt: it opens the maildrop, or says why not.
func (s *session) login(mechanism string, sc sasl.Conn, identity string, err error) {
	if errors.Is(err, sasl.ErrCancelled) {
		s.err("", textAuthCancel)
		return
	}
	if err == nil {
		err = s.open(identity)
	}
	code, text, failed := refusal(err)
	if failed {
		s.failures++
	}
	onAuth := s.srv.OnAuth
	if onAuth == nil {
		onAuth = sasl.SlowDown
	}
	a := sasl.Attempt{Conn: sc, Mechanism: mechanism, Err: err, Failures: s.failures}
	if err == nil {
		a.Identity = identity
	}
	onAuth(s.ctx, a)
	switch {
	case err == nil:
		s.unbind()
		s.c.SetMaxLine(pop3.MaxCommand)
		s.ok(s.text(textLoggedIn) + ", " + s.contents())
	case text == "":
		s.storeError("opening a maildrop", err)
	default:
		s.err(code, text)
		s.ended = failed && reached(s.failures, s.srv.MaxAuthFailures, DefaultMaxAuthFailures)
	}
	if errors.Is(err, sasl.ErrUnavailable) {
		s.log().Error("pop3: authentication unavailable", "error", err)
	}
}

// refusal returns what is answered to an attempt that ended with err, and
// whether it counts as a failure of the client. The text is empty for errors
// of the store.
func refusal(err error) (code pop3.Code, text string, failed bool) {
	switch {
	case errors.Is(err, sasl.ErrAuthFailed):
		return pop3.CodeAuth, textAuthFailed, true
	case errors.Is(err, sasl.ErrAuthzDenied):
		return pop3.CodeAuth, textAuthDenied, true
	case errors.Is(err, sasl.ErrExpired):
		return pop3.CodeAuth, textAuthExpired, true
	case errors.Is(err, sasl.ErrMalformed):
		return "", textAuthMalform, true
	case errors.Is(err, sasl.ErrEncryptionNeeded):
		return "", textNeedTLS, false
	case errors.Is(err, sasl.ErrUnsupported):
		return "", textNoMechanism, false
	case errors.Is(err, sasl.ErrUnavailable):
		return pop3.CodeSysTemp, textAuthLater, false
	case errors.Is(err, ErrInUse):
		return pop3.CodeInUse, textInUse, false
	case errors.Is(err, errLoginDelay):
		return pop3.CodeLoginDelay, textLoginDelay, false
	}
	return "", "", false
}
