package smtpclient

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/smtp"
)

// ErrLimit: the server takes no more of that on this connection, messages or
// recipient domains (RFC 9422 MAILMAX, RCPTDOMAINMAX). On a new one it may.
var ErrLimit = errors.New("smtpclient: server takes no more on this connection")

// full reports whether the server takes no more messages on the connection.
func (c *Client) full() bool { return c.limits.MailMax > 0 && c.mails >= c.limits.MailMax }

// spent reports whether the connection can't be used for another message.
func (c *Client) spent() bool {
	c.sem <- struct{}{}
	defer c.unlock()
	return c.err != nil || c.full()
}

// room reports whether the session has room for a recipient's domain, and returns
// the domain if it is a new one.
func (c *Client) room(to smtp.Address) (domain string, ok bool) {
	max := c.limits.RcptDomainMax
	if max <= 0 || to.Domain == "" {
		return "", true
	}
	domain = to.ASCIIDomain()
	if _, known := c.domains[domain]; known {
		return "", true
	}
	return domain, len(c.domains) < max
}

// name notes that a recipient is being named to the server.
func (c *Client) name(to smtp.Address) {
	if domain, _ := c.room(to); domain != "" {
		if c.domains == nil {
			c.domains = make(map[string]struct{})
		}
		c.domains[domain] = struct{}{}
	}
}

// batch chooses the recipients of the next transaction among those in todo, which are
// positions in to: as many as the server takes in one (RFC 9422 RCPTMAX). later are
// those for others, never those for other connections.
func (c *Client) batch(to []smtp.Address, todo []int) (now, later, never []int) {
	if len(todo) == 0 {
		return nil, nil, nil
	}
	domains := map[string]struct{}{} // new ones
	for _, i := range todo {
		domain, ok := c.room(to[i])
		if domain != "" {
			_, known := domains[domain]
			ok = known || len(c.domains)+len(domains) < c.limits.RcptDomainMax
		}
		switch {
		case !ok:
			never = append(never, i)
		case c.limits.RcptMax > 0 && len(now) == c.limits.RcptMax:
			later = append(later, i)
			domain = "" // it takes no room yet
		default:
			now = append(now, i)
		}
		if ok && domain != "" {
			domains[domain] = struct{}{}
		}
	}
	return now, later, never
}

// oneBatch reports whether all recipients can be named in one transaction, as an
// error if they must be.
func (c *Client) oneBatch(env *Envelope, now, never []int) error {
	switch {
	case !env.AllOrNothing || len(now) == len(env.To):
		return nil
	case len(never) == 0:
		return fmt.Errorf("smtpclient: server takes %d recipients at most", len(now))
	case len(c.domains) > 0: // a new connection takes other domains
		return ErrLimit
	}
	return fmt.Errorf("smtpclient: server takes recipients of %d domains at most", c.limits.RcptDomainMax)
}

// part returns the envelope and the result for some of the recipients.
func part(env *Envelope, res *Result, index []int) (*Envelope, *Result) {
	if len(index) == len(env.To) {
		return env, res
	}
	e, r := *env, &Result{}
	e.To, e.Rcpt = nil, nil
	for _, i := range index {
		e.To = append(e.To, env.To[i])
		r.Recipients = append(r.Recipients, Recipient{Address: env.To[i]})
		if len(env.Rcpt) > 0 {
			var o smtp.RcptOptions
			if i < len(env.Rcpt) {
				o = env.Rcpt[i]
			}
			e.Rcpt = append(e.Rcpt, o)
		}
	}
	return &e, r
}

// join puts the result of a part into that of the whole.
func (r *Result) join(part *Result, index []int) {
	if part.Reply.Code != 0 {
		r.Reply = part.Reply
	}
	if part == r {
		return
	}
	for n, i := range index {
		r.Recipients[i] = part.Recipients[n]
	}
}

// limited returns the recipients that were left out for lack of room on the
// connection.
func (r *Result) limited() (index []int) {
	for i := range r.Recipients {
		if p := &r.Recipients[i]; p.Status == NotAttempted && errors.Is(p.Err, ErrLimit) {
			index = append(index, i)
		}
	}
	return index
}
