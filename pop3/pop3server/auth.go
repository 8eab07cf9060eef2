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

// userExt is USER and PASS (RFC 1939 §7), where the password may be sent.
func userExt() extension {
	return extension{
		commands: []command{
			{"USER", authorization, (*conn).cmdUser},
			{"PASS", authorization, (*conn).pass},
		},
		capabilities: func(c *conn) pop3.Capabilities {
			if c.offersUser() != nil {
				return nil
			}
			return pop3.Capabilities{{Name: "USER"}}
		},
	}
}

// apopExt is APOP (RFC 1939 §7), which the greeting announces.
func apopExt() extension {
	return extension{commands: []command{{"APOP", authorization, (*conn).apop}}}
}

// saslExt is AUTH (RFC 5034).
func saslExt() extension {
	return extension{
		commands: []command{{"AUTH", authorization, (*conn).auth}},
		capabilities: func(c *conn) pop3.Capabilities {
			names := sasl.Mechanisms(c.srv.Authenticator, c.saslConn())
			if len(names) == 0 {
				return nil
			}
			return pop3.Capabilities{{Name: "SASL", Args: names}}
		},
	}
}

func (c *conn) saslConn() sasl.Conn {
	return sasl.Conn{
		Service: "pop", ID: c.tp.ID(), Host: c.srv.host, TLS: c.tp.TLS(), RemoteAddr: c.tp.RemoteAddr(),
		Network: c.tp.Network(), NetworkFailures: c.tp.NetworkSpent(textproto.LoginRate), Ended: c.tp.Ended,
		ServerCertificate: sasl.CertificateOf(c.srv.TLSConfig),
		NoChannelBinding:  !c.srv.ChannelBinding,
		AllowInsecure:     c.srv.AllowInsecureAuth, Mechanisms: c.srv.Mechanisms,
	}
}

// offersUser reports whether USER and PASS are served, or why not.
func (c *conn) offersUser() error {
	sc := c.saslConn()
	if sc.Mechanisms != nil {
		named := false
		for _, m := range sc.Mechanisms {
			named = named || strings.EqualFold(m, "USER")
		}
		if !named {
			return sasl.ErrUnsupported
		}
		sc.Mechanisms = nil
	}
	_, err := sasl.NewServer("PLAIN", c.srv.Authenticator, sc)
	return err
}

// cmdUser stores the name of USER (RFC 1939 §7). The answer does not depend on
// whether the user exists.
func (c *conn) cmdUser(cmd pop3.Command) {
	switch err := c.offersUser(); {
	case errors.Is(err, sasl.ErrEncryptionNeeded):
		c.err("", textNeedTLS)
	case err != nil:
		c.err("", textNoUser)
	default:
		c.user, c.named = cmd.Arg, true
		c.say(textName)
	}
}

// pass checks the password of PASS, which must follow USER.
func (c *conn) pass(cmd pop3.Command) {
	if !c.named {
		c.wrong(textNoName)
		return
	}
	user := c.user
	c.user, c.named = "", false
	sc := c.saslConn()
	c.login("USER", sc, func() (string, error) {
		return sasl.CheckPassword(c.ctx, c.srv.Authenticator, sc, user, cmd.Arg)
	})
}

// apop checks a digest over the greeting's timestamp (RFC 1939 §7).
func (c *conn) apop(cmd pop3.Command) {
	if c.stamp == "" {
		c.err("", textNoAPOP)
		return
	}
	sc := c.saslConn()
	c.login("APOP", sc, func() (string, error) {
		return sasl.CheckAPOP(c.ctx, c.srv.Authenticator, sc, cmd.Arg, c.stamp, cmd.Second)
	})
}

// auth runs a SASL exchange (RFC 5034).
func (c *conn) auth(cmd pop3.Command) {
	sc := c.saslConn()
	if cmd.Arg == "" {
		// Not in RFC 5034, but sent by clients that are older than CAPA.
		c.say(textMechanisms)
		for _, m := range sasl.Mechanisms(c.srv.Authenticator, sc) {
			c.tp.WriteLine(m)
		}
		c.end()
		return
	}
	var initial []byte
	if cmd.Second != "" { // RFC 5034 §4: "=" is an empty initial response
		var err error
		if initial, err = sasl.Decode([]byte(cmd.Second)); err != nil {
			c.wrong(textAuthMalform)
			return
		}
	}
	mech, err := sasl.NewServer(cmd.Arg, c.srv.Authenticator, sc)
	if err != nil {
		c.err(refusal(err))
		return
	}
	c.login(mech.Name(), sc, func() (string, error) {
		c.tp.SetSecret(true)
		defer c.tp.SetSecret(false)
		return sasl.Serve(c.ctx, mech, initial, c.ask)
	})
}

// ask sends a challenge and reads the line that answers it. If the connection
// fails, the session is ended.
func (c *conn) ask(challenge string) ([]byte, error) {
	c.tp.WriteString("+ " + challenge + "\r\n")
	if err := c.tp.Flush(); err != nil {
		c.ended = true
		return nil, err
	}
	line, err := c.tp.ReadLine()
	switch {
	case err == nil, errors.Is(err, textproto.ErrBareLF):
		return line, nil
	case errors.Is(err, textproto.ErrLineTooLong) && !errors.Is(err, textproto.ErrLineEndless),
		errors.Is(err, textproto.ErrBareCR):
		return nil, fmt.Errorf("%w: %w", sasl.ErrMalformed, err)
	}
	c.ended = true
	return nil, err
}

// login makes an attempt to log in: it opens the maildrop of the identity that
// check returns, or answers with the reason for the failure.
func (c *conn) login(mechanism string, sc sasl.Conn, check func() (string, error)) {
	c.tp.Yield() // to a check of the password, and to delays
	err := c.attempts.Try(c.ctx, sc, mechanism, check, c.open)
	switch {
	case c.ended: // the connection is lost
		return
	case err == nil:
		c.tp.LoggedIn()
		c.tp.SetMaxLine(pop3.MaxCommand)
		c.ok(c.text(textLoggedIn) + ", " + c.contents())
		return
	case errors.Is(err, sasl.ErrUnavailable) && !errors.Is(err, sasl.ErrBusy):
		c.log().Error("pop3: authentication unavailable", "error", err)
	}
	if code, text := refusal(err); text != "" {
		c.err(code, text)
	} else {
		c.storeError("opening a maildrop", err)
	}
	c.ended = c.ended || c.attempts.TooMany() ||
		sasl.IsFailure(err) && c.tp.Spend(c.ctx, textproto.LoginRate, 1) != nil
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
	case errors.Is(err, textproto.ErrTooManyConns): // RFC 2449 §8.1.2: authenticated, but others have it
		return pop3.CodeInUse, textTooMany
	case errors.Is(err, ErrInUse):
		return pop3.CodeInUse, textInUse
	case errors.Is(err, errLoginDelay):
		return pop3.CodeLoginDelay, textLoginDelay
	}
	return "", ""
}
