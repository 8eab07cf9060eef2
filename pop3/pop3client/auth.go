package pop3client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
)

// Login logs in by the strongest method that both the server and the credentials
// support: a SASL mechanism (see [sasl.Credentials.Authenticate]),
// APOP, or USER and PASS. A refusal is a *pop3.Error and one
// of package sasl's errors, such as sasl.ErrAuthFailed; if a password would be
// sent without TLS, the error is sasl.ErrEncryptionNeeded.
func (c *Client) Login(ctx context.Context, cr sasl.Credentials) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return c.login(ctx, cr)
}

// Auth logs in with one SASL mechanism (RFC 5034), whether it is offered or not.
func (c *Client) Auth(ctx context.Context, mech sasl.Client) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := c.authenticated(sasl.Authenticate(mech, c.saslConn(), c.carrier())); err != nil {
		return err
	}
	return c.entered()
}

func (c *Client) saslConn() sasl.Conn {
	return sasl.Conn{Service: "pop", Host: c.host, TLS: c.conn.TLS(), AllowInsecure: c.o.AllowInsecureAuth, Mechanisms: c.o.Mechanisms}
}

func (c *Client) login(ctx context.Context, cr sasl.Credentials) error {
	if err := c.try(ctx, cr); err != nil {
		return err
	}
	return c.entered()
}

// entered requests the capabilities again: there may be more after login (RFC 2449
// §5).
func (c *Client) entered() error {
	c.loggedIn = true
	return c.readCapabilities()
}

// try tries the methods to log in one after the other, until one succeeds or the
// server refuses the credentials.
func (c *Client) try(ctx context.Context, cr sasl.Credentials) error {
	sc := c.saslConn()
	offered, _ := c.caps.Get("SASL")
	apop := c.stamp != "" && c.allowed("APOP") && cr.Password != "" && cr.Authzid == ""
	if apop {
		sc.AllowInsecure = false // APOP is safer
	}
	err := c.authenticated(cr.Authenticate(ctx, offered, sc, c.carrier()))
	if !errors.Is(err, sasl.ErrUnsupported) && !errors.Is(err, sasl.ErrEncryptionNeeded) {
		return err
	}
	// Under TLS the password itself is as safe, and works for every user.
	if apop && (sc.TLS == nil || !c.allowed("USER") || len(c.caps) > 0 && !c.caps.Has("USER")) {
		return c.apop(cr)
	}
	if cr.Password == "" || cr.Authzid != "" || !c.allowed("USER") {
		return err
	}
	if refused(err) && !c.caps.Has("USER") {
		return err
	}
	if !sc.AllowsPasswords() {
		return sasl.ErrEncryptionNeeded
	}
	return c.userPass(cr)
}

func (c *Client) allowed(name string) bool {
	return c.o.Mechanisms == nil || slices.ContainsFunc(c.o.Mechanisms, func(m string) bool { return strings.EqualFold(m, name) })
}

func (c *Client) apop(cr sasl.Credentials) error {
	user, password, err := prep(cr)
	if err != nil {
		return err
	}
	if strings.Contains(user, " ") {
		return fmt.Errorf("%w: blank in a user name for APOP", sasl.ErrMalformed)
	}
	_, err = c.command("APOP " + user + " " + sasl.APOPDigest(c.stamp, password))
	return refusal(err)
}

func (c *Client) userPass(cr sasl.Credentials) error {
	user, password, err := prep(cr)
	if err != nil {
		return err
	}
	if _, err := c.command("USER " + user); err != nil {
		return refusal(err)
	}
	_, err = c.command("PASS " + password)
	return refusal(err)
}

// prep applies SASLprep (RFC 6856 §2.2).
func prep(cr sasl.Credentials) (user, password string, err error) {
	if user, err = sasl.Prep(cr.Username); err != nil {
		return "", "", err
	}
	password, err = sasl.Prep(cr.Password)
	return user, password, err
}

// authenticated ends an exchange with the result err.
func (c *Client) authenticated(err error) error {
	c.conn.SetSecret(false)
	if errors.Is(err, sasl.ErrServerUnproven) {
		return c.fail(err)
	}
	return err
}

// carrier transports SASL exchanges (RFC 5034 §4).
func (c *Client) carrier() sasl.Carrier {
	return sasl.Carrier{
		MaxInitial: (pop3.MaxCommand - len("AUTH SCRAM-SHA-512-PLUS \r\n")) / 4 * 3,
		Begin: func(mechanism string, initial []byte) (string, bool, error) {
			line := "AUTH " + mechanism
			if initial != nil {
				line += " " + sasl.EncodeInitial(initial)
			}
			c.conn.SetSecret(true)
			return c.authReply(line, initial != nil)
		},
		Respond: func(line string) (string, bool, error) { return c.authReply(line, true) },
	}
}

// authReply sends a line of an exchange and reads the reply. It takes +OK before
// any response as a challenge, which Exchange 2003 sends.
func (c *Client) authReply(line string, responded bool) (challenge string, done bool, err error) {
	if err := c.send(line); err != nil {
		return "", false, err
	}
	answer, err := c.line()
	if err != nil {
		return "", false, err
	}
	if len(answer) > 0 && answer[0] == '+' && (len(answer) == 1 || answer[1] == ' ') {
		return string(answer[1:]), false, nil
	}
	st, err := c.parse("AUTH", answer)
	switch {
	case err != nil:
		return "", false, refusal(err)
	case responded:
		return "", true, nil
	}
	if _, err := sasl.Decode([]byte(st.Text)); err != nil {
		return "", false, nil // it is text
	}
	return st.Text, false, nil
}

// refusal returns the error for a -ERR to a login (RFC 2449 §8, RFC 3206 §4).
func refusal(err error) error {
	var e *pop3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case pop3.CodeSysTemp, pop3.CodeSysPerm, pop3.CodeInUse, pop3.CodeLoginDelay:
		return sasl.Refusal(err, sasl.ErrUnavailable)
	}
	return sasl.Refusal(err, sasl.ErrAuthFailed)
}
