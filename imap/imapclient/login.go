package imapclient

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/sasl"
)

// Login logs in with the strongest mechanism that both the server and the
// credentials support, the LOGIN command last (RFC 9051 §6.2.2, §6.2.3). A secret
// never crosses a connection without TLS, unless Options.AllowInsecureAuth: the
// error is then sasl.ErrEncryptionNeeded. A refusal is an *imap.Error and also one
// of the errors of package sasl.
func (c *Client) Login(ctx context.Context, cr sasl.Credentials) error {
	if err := c.askCaps(ctx); err != nil {
		return err
	}
	caps := c.Capabilities()
	conn := sasl.Conn{
		Service: "imap", Host: c.host, TLS: c.TLS(), RemoteAddr: c.conn.RemoteAddr(),
		AllowInsecure: c.o.AllowInsecureAuth, Mechanisms: c.o.Mechanisms,
	}
	err := c.authenticate(ctx, func(carry sasl.Carrier) error {
		return cr.Authenticate(ctx, caps.Mechanisms(), conn, carry)
	})
	if c.mayLogin(cr, caps, conn, err) {
		err = c.loginCommand(ctx, cr)
	}
	if err != nil {
		if errors.Is(err, sasl.ErrServerUnproven) {
			c.fail(err)
		}
		return fmt.Errorf("imapclient: login: %w", err)
	}
	return c.loggedIn(ctx)
}

// mayLogin reports whether to try the LOGIN command after no mechanism was left.
func (c *Client) mayLogin(cr sasl.Credentials, caps imap.CapSet, conn sasl.Conn, err error) bool {
	if err == nil || !errors.Is(err, sasl.ErrUnsupported) || caps.Has(imap.CapLoginDisabled) ||
		cr.Username == "" || cr.Password == "" || cr.Authzid != "" || !conn.AllowsPasswords() || c.Err() != nil {
		return false
	}
	if c.o.Mechanisms == nil {
		return true
	}
	for _, name := range c.o.Mechanisms {
		if strings.EqualFold(name, "LOGIN") {
			return true
		}
	}
	return false
}

func (c *Client) loginCommand(ctx context.Context, cr sasl.Credentials) error {
	k := newCall(&imap.Login{User: cr.Username, Password: cr.Password})
	c.loginCall(k)
	return refusal(c.run(ctx, k))
}

// loginCall makes k a call that logs in: capabilities from before are not
// believed after it.
func (c *Client) loginCall(k *call) {
	k.rule, k.secret = ruleExclusive, true
	c.mu.Lock()
	c.capsKnown = false
	c.mu.Unlock()
	k.ended = func(k *call) {
		if k.status != nil && k.status.Cond == imap.OK {
			c.login = true
			c.namespace = nil
			c.loginReferral, _ = k.status.Arg.(imap.Referral)
		} else {
			c.capsKnown = c.caps.Len() > 0 // nothing has changed
		}
	}
}

// LoginReferral returns the URLs of servers that the server recommends for this user, with
// the OK to the login (RFC 2221 §4.2): it serves the user all the same, but less well. It
// is nil mostly. A server that refuses the login for that reason: see Referral.
func (c *Client) LoginReferral() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loginReferral
}

// Authenticate logs in with one mechanism.
func (c *Client) Authenticate(ctx context.Context, mech sasl.Client) error {
	if err := c.askCaps(ctx); err != nil {
		return err
	}
	conn := sasl.Conn{Service: "imap", Host: c.host, TLS: c.TLS(), RemoteAddr: c.conn.RemoteAddr(), AllowInsecure: c.o.AllowInsecureAuth}
	err := c.authenticate(ctx, func(carry sasl.Carrier) error { return sasl.Authenticate(mech, conn, carry) })
	if err != nil {
		if errors.Is(err, sasl.ErrServerUnproven) {
			c.fail(err)
		}
		return fmt.Errorf("imapclient: login: %w", err)
	}
	return c.loggedIn(ctx)
}

// authenticate runs exchanges. It has the turn all the while.
func (c *Client) authenticate(ctx context.Context, exchange func(sasl.Carrier) error) error {
	if err := c.takeTurn(ctx, "AUTHENTICATE"); err != nil {
		return err
	}
	defer c.giveTurn()
	var k *call
	carry := sasl.Carrier{
		MaxInitial: -1,
		Begin: func(mechanism string, initial []byte) (string, bool, error) {
			k = newCall(&imap.Authenticate{Mechanism: mechanism, Initial: initial})
			c.loginCall(k)
			if err := c.admit(ctx, k); err != nil {
				return "", false, err
			}
			return c.exchange(ctx, k, func(w *writer) {
				w.e.Raw(k.tag).SP()
				grammar.WriteCommand(&w.e, k.cmd)
			})
		},
		Respond: func(line string) (string, bool, error) {
			return c.exchange(ctx, k, func(w *writer) { w.e.Raw(line) }) // base64, or "*"
		},
	}
	if c.has(imap.CapSASLIR) {
		carry.MaxInitial = sasl.MaxResponse
	}
	return exchange(carry)
}

// exchange sends a line and waits for the server's challenge, or its last word.
func (c *Client) exchange(ctx context.Context, k *call, write func(*writer)) (challenge string, done bool, err error) {
	cont := make(chan string, 1)
	c.mu.Lock()
	c.wantCont, k.cont = k, cont
	c.mu.Unlock()
	defer c.guard(ctx, k.name)()
	w := &c.w
	w.begin(ctx, k)
	defer w.end()
	write(w)
	w.e.CRLF()
	if err := w.send(); err != nil {
		return "", false, err
	}
	if err := c.flush(); err != nil {
		return "", false, err
	}
	select {
	case challenge = <-cont:
		return challenge, false, nil
	case <-k.done:
	case <-ctx.Done():
		// The server can't be told in the middle of an exchange without a
		// further round trip.
		err := &InterruptedError{Command: k.name, Sent: true, Err: context.Cause(ctx)}
		c.fail(err)
		return "", false, err
	}
	err = refusal(c.wait(ctx, k))
	return "", err == nil, err
}

// refusal adds the meaning of a NO or BAD to a login (RFC 5530 §3).
func refusal(err error) error {
	var e *imap.Error
	if !errors.As(err, &e) || errors.Is(err, ErrClosed) {
		return err
	}
	switch {
	case e.Code == imap.CodeUnavailable, e.Code == imap.CodeLimit, e.Code == imap.CodeInUse, e.Code == imap.CodeServerBug, e.Code == imap.CodeContactAdmin:
		return sasl.Refusal(err, sasl.ErrUnavailable)
	case e.Code == imap.CodePrivacyRequired:
		return sasl.Refusal(err, sasl.ErrEncryptionNeeded)
	case e.Code == imap.CodeExpired:
		return sasl.Refusal(err, sasl.ErrExpired)
	case e.Code == imap.CodeAuthorizationFailed:
		return sasl.Refusal(err, sasl.ErrAuthzDenied)
	case e.Code == imap.CodeCannot, e.Status == imap.BAD && e.Code == "" && !strings.Contains(e.Text, "authenticated but not connected"):
		return sasl.Refusal(err, sasl.ErrUnsupported)
	}
	return sasl.Refusal(err, sasl.ErrAuthFailed)
}

// loggedIn does what follows a login: ID and ENABLE go out, and the next command
// need not wait for their answers.
func (c *Client) loggedIn(ctx context.Context) error {
	if err := c.askCaps(ctx); err != nil {
		return err
	}
	var calls []*call
	if id := c.idCall(); id != nil {
		calls = append(calls, id)
	}
	if caps := c.toEnable(); len(caps) > 0 {
		calls = append(calls, enableCall(caps))
	}
	if len(calls) == 0 {
		return nil
	}
	for _, k := range calls {
		k.abandoned = true // nobody waits for the answers
	}
	return c.start(ctx, calls...)
}
