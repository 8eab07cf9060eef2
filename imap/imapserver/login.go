package imapserver

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// loginExt is LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3).
func loginExt() extension {
	return extension{
		commands: []command{
			{"LOGIN", notAuthenticated, on((*Conn).login)},
			{"AUTHENTICATE", notAuthenticated, on((*Conn).authenticate)},
		},
	}
}

// saslConn describes the connection to package sasl.
func (c *Conn) saslConn() sasl.Conn {
	return sasl.Conn{
		Service: "imap", ID: c.tp.ID(), Host: c.srv.host, TLS: c.tp.TLS(), RemoteAddr: c.tp.RemoteAddr(),
		Network: c.tp.Network(), NetworkFailures: c.tp.NetworkSpent(textproto.LoginRate), Ended: c.tp.Ended,
		ServerCertificate: sasl.CertificateOf(c.srv.TLSConfig),
		NoChannelBinding:  !c.srv.ChannelBinding,
		AllowInsecure:     c.srv.AllowInsecureAuth, Mechanisms: c.srv.Mechanisms,
	}
}

func (c *Conn) login(cmd *imap.Login) (reply, error) {
	sc := c.saslConn()
	if !sc.AllowsPasswords() {
		return reply{}, no(imap.CodePrivacyRequired, "LOGIN needs TLS")
	}
	return c.logIn("LOGIN", "LOGIN", sc, func() (string, error) {
		return sasl.CheckPassword(c.ctx, c.srv.Authenticator, sc, cmd.User, cmd.Password)
	})
}

func (c *Conn) authenticate(cmd *imap.Authenticate) (reply, error) {
	sc := c.saslConn()
	mech, err := sasl.NewServer(cmd.Mechanism, c.srv.Authenticator, sc)
	if err != nil {
		return reply{}, c.authRefusal(err)
	}
	return c.logIn("AUTHENTICATE", mech.Name(), sc, func() (string, error) {
		c.tp.SetSecret(true)
		defer c.tp.SetSecret(false)
		return sasl.Serve(c.ctx, mech, cmd.Initial, c.ask)
	})
}

// ask sends a challenge and reads the line that answers it.
func (c *Conn) ask(challenge string) ([]byte, error) {
	if err := c.r.WriteChallenge(challenge); err != nil {
		return nil, link(err)
	}
	line, err := c.r.ReadResponse()
	if e := (*imap.Error)(nil); errors.As(err, &e) {
		return nil, fmt.Errorf("%w: %w", sasl.ErrMalformed, err)
	}
	return line, link(err)
}

// logIn attempts to log in, to the account of the identity that check returns. A
// failed attempt leaves the session unchanged, ready for another one.
func (c *Conn) logIn(command, mechanism string, sc sasl.Conn, check func() (string, error)) (reply, error) {
	c.tp.Yield() // to a check of the password, and to delays
	err := c.attempts.Try(c.ctx, sc, mechanism, check, c.openAccount)
	// Also of a client that has gone: not to wait for the answer is no way round.
	over := sasl.IsFailure(err) && c.tp.Spend(c.ctx, textproto.LoginRate, 1) != nil
	switch {
	case isLinkError(c.ctx, err):
		return reply{}, err
	case over:
		return reply{}, tooMany("failed logins")
	case err != nil:
		return reply{}, c.authRefusal(err)
	}
	return reply{code: imap.CodeCapability, arg: c.capabilities(), text: command + " completed"}, nil
}

// openAccount opens the account and enters the authenticated state.
func (c *Conn) openAccount(identity string) error {
	if err := c.tp.SetAccount(c.ctx, identity); err != nil {
		if errors.Is(err, textproto.ErrTooManyConns) {
			return no(imap.CodeLimit, "too many connections of this user")
		}
		return link(err)
	}
	h, err := c.srv.hub.join(c.ctx, c.srv.Store, identity, c.log())
	if err != nil {
		c.tp.SetAccount(c.ctx, "")
		if errors.Is(err, mailbox.ErrNotExist) {
			// The user has no account in the store.
			c.log().Error("imap: no account for identity", "identity", identity)
			return no(imap.CodeAuthorizationFailed, "this user has no mail account")
		}
		return err
	}
	c.hub, c.account, c.identity = h, h.acct, identity
	c.state = authenticated
	c.tp.LoggedIn()
	lim := wire.LimitsAfterLogin()
	if c.srv.MaxCommand > 0 {
		lim.Command = int64(c.srv.MaxCommand)
	}
	c.r.SetLimits(lim)
	return nil
}
