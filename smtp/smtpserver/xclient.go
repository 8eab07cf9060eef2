package smtpserver

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
)

// xclient is Postfix's XCLIENT: a trusted proxy says which client it speaks for.
// The session then begins anew.
func xclient() extension {
	return extension{
		keyword: true, ext: smtp.ExtXClient,
		offered: (*Conn).trusted,
		params: func(c *Conn, dst []byte) []byte {
			return append(dst, " NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"...)
		},
		commands: []command{{verb: "XCLIENT", states: stStart | stReady, run: with((*smtp.Parser).Attributes, (*Conn).cmdXClient)}},
	}
}

// proxied is what a trusted peer has told.
type proxied struct {
	remote  net.Addr         // nil: the connection's own
	name    string           // of that address
	forward []smtp.Attribute // for the next transaction, or the present one
}

func (c *Conn) proxy() *proxied {
	if c.proxied == nil {
		c.proxied = new(proxied)
	}
	return c.proxied
}

// trusted reports whether the peer itself, not the client it speaks for, is one of
// XClientFrom.
func (c *Conn) trusted() bool {
	if len(c.srv.XClientFrom) == 0 {
		return false
	}
	ip := addrIP(c.tp.RemoteAddr())
	for _, p := range c.srv.XClientFrom {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func (c *Conn) cmdXClient(list []smtp.Attribute) {
	ap := netip.AddrPortFrom(c.RemoteIP(), 0)
	name, hello, login, extended := c.RemoteName(), c.hello, "", true
	for _, a := range list {
		if a.Absent || a.TempUnavail {
			a.Value = ""
		}
		bad := false
		switch a.Name {
		case "ADDR":
			if a.Value == "" {
				ap = netip.AddrPortFrom(netip.Addr{}, ap.Port())
				break
			}
			v := a.Value
			if len(v) > 5 && strings.EqualFold(v[:5], "IPv6:") {
				v = v[5:]
			}
			ip, err := netip.ParseAddr(v)
			bad = err != nil
			ap = netip.AddrPortFrom(ip.Unmap(), ap.Port())
		case "PORT":
			n, err := strconv.ParseUint(a.Value, 10, 16)
			bad = err != nil && a.Value != ""
			ap = netip.AddrPortFrom(ap.Addr(), uint16(n))
		case "NAME":
			name = a.Value
		case "HELO":
			hello = a.Value
		case "LOGIN":
			login = a.Value
		case "PROTO":
			extended = !strings.EqualFold(a.Value, "SMTP")
		case "DESTADDR", "DESTPORT":
		default:
			bad = true
		}
		if bad {
			c.wrong(&smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 5, 4}, Text: "bad " + a.Name + " attribute"})
			return
		}
	}
	c.reset()
	c.close()
	*c.proxy() = proxied{remote: net.TCPAddrFromAddrPort(ap), name: name}
	c.identity = login
	c.hello, c.extended, c.state = hello, extended, stStart
	c.parser.Extensions = 0
	if !c.greet() {
		c.goodbye = true
	}
}
