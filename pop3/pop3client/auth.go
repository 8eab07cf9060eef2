package pop3client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
)

// Login logs in with the strongest way that the server offers and the
// credentials can serve: a SASL mechanism, APOP, or USER and PASS. A refusal is
// a *pop3.Error; where a password would cross the connection without TLS, the
// error is sasl.ErrEncryptionNeeded.
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
	if sasl.RevealsSecret(mech.Name()) && !c.saslConn().AllowsPasswords() {
		return sasl.ErrEncryptionNeeded
	}
	if err := c.exchange(mech); err != nil {
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

// entered asks again for what the server can do: it may say more now (RFC 2449
// §5).
func (c *Client) entered() error {
	c.loggedIn = true
	return c.readCapabilities()
}

// try takes the ways to log in one after the other, until one works or the
// server refuses one for good.
func (c *Client) try(ctx context.Context, cr sasl.Credentials) error {
	sc := c.saslConn()
	offered, _ := c.caps.Get("SASL")
	apop := c.stamp != "" && c.allowed("APOP") && cr.Password != "" && cr.Authzid == ""
	var last error
	for mech, err := range sasl.Candidates(ctx, offered, cr, sc) {
		if err != nil {
			return err
		}
		if apop && sasl.RevealsSecret(mech.Name()) && sc.TLS == nil {
			break // APOP is better than that
		}
		if err = c.exchange(mech); err == nil || !retry(mech, err) {
			return err
		}
		last = err
	}
	// Under TLS the password itself is as safe, and every user has one.
	if apop && (sc.TLS == nil || !c.allowed("USER") || len(c.caps) > 0 && !c.caps.Has("USER")) {
		return c.apop(cr)
	}
	if cr.Password == "" || cr.Authzid != "" || !c.allowed("USER") {
		if last == nil {
			last = sasl.ErrUnsupported
		}
		return last
	}
	if last != nil && !c.caps.Has("USER") {
		return last
	}
	if !sc.AllowsPasswords() {
		return sasl.ErrEncryptionNeeded
	}
	return c.userPass(cr)
}

func (c *Client) allowed(name string) bool {
	return c.o.Mechanisms == nil || slices.ContainsFunc(c.o.Mechanisms, func(m string) bool { return strings.EqualFold(m, name) })
}

// retry reports whether another candidate may have more luck: a binding may not
// be the server's.
func retry(mech sasl.Client, err error) bool {
	return refused(err) && strings.HasSuffix(mech.Name(), "-PLUS")
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
	return err
}

func (c *Client) userPass(cr sasl.Credentials) error {
	user, password, err := prep(cr)
	if err != nil {
		return err
	}
	if _, err := c.command("USER " + user); err != nil {
		return err
	}
	_, err = c.command("PASS " + password)
	return err
}

// prep applies SASLprep (RFC 6856 §2.2).
func prep(cr sasl.Credentials) (user, password string, err error) {
	if user, err = sasl.Prep(cr.Username); err != nil {
		return "", "", err
	}
	password, err = sasl.Prep(cr.Password)
	return user, password, err
}

// exchange runs a mechanism to its end.
func (c *Client) exchange(mech sasl.Client) error {
	initial, err := mech.Start()
	if err != nil {
		return err
	}
	c.conn.SetSecret(true)
	defer c.conn.SetSecret(false)

	line := "AUTH " + mech.Name()
	pending := initial != nil
	if initial != nil {
		enc := base64.StdEncoding.EncodeToString(initial)
		if enc == "" {
			enc = "="
		}
		// A command has at most 255 octets (RFC 5034 §4); what is longer
		// waits for the server's challenge.
		if full := line + " " + enc; len(full)+2 <= pop3.MaxCommand {
			line, pending = full, false
		}
	}
	if err := c.send(line); err != nil {
		return err
	}
	answered := initial != nil && !pending // the server has something of ours
	for {
		challenge, done, err := c.challenge(answered)
		if err != nil {
			return withReason(mech, err)
		}
		if done {
			if err := mech.Finish(); err != nil {
				return c.fail(err) // an impostor
			}
			return nil
		}
		var response []byte
		if pending {
			response, pending = initial, false
		} else if response, err = mech.Next(challenge); err != nil {
			return c.cancel(err)
		}
		answered = true
		if err := c.send(base64.StdEncoding.EncodeToString(response)); err != nil {
			return err
		}
	}
}

// challenge reads what the server says within an exchange. +OK before anything
// was answered is taken for a challenge: Exchange 2003 sends it.
func (c *Client) challenge(answered bool) (challenge []byte, done bool, err error) {
	line, err := c.line()
	if err != nil {
		return nil, false, err
	}
	if len(line) > 0 && line[0] == '+' && (len(line) == 1 || line[1] == ' ') {
		text := strings.TrimSpace(string(line[1:]))
		if challenge, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, false, c.cancel(fmt.Errorf("%w: challenge is no base64", ErrProtocol))
		}
		return challenge, false, nil
	}
	st, err := c.parse("AUTH", line)
	if err != nil {
		return nil, false, err
	}
	if answered {
		return nil, true, nil
	}
	challenge, _ = base64.StdEncoding.DecodeString(st.Text)
	return challenge, false, nil
}

// cancel ends an exchange that can't go on (RFC 5034 §4).
func (c *Client) cancel(reason error) error {
	if err := c.send("*"); err != nil {
		return reason
	}
	if _, err := c.status("AUTH"); err == nil {
		return c.fail(fmt.Errorf("%w: success after a cancelled exchange", ErrProtocol))
	}
	return reason
}

// withReason adds to a refusal what the server said within the exchange.
func withReason(mech sasl.Client, err error) error {
	if reason := sasl.Reason(mech); reason != nil && !errors.Is(err, reason) {
		return fmt.Errorf("%w (%w)", err, reason)
	}
	return err
}
