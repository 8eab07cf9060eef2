package main

import (
	"context"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// policy says which mail goes where, and who may send as whom. The accounts of
// this server are named by their addresses, in lower case.
type policy struct {
	accounts   map[string]bool
	domains    map[string]bool
	postmaster string // the account that reads what is sent to postmaster
}

func newPolicy(users []user) *policy {
	p := &policy{accounts: map[string]bool{}, domains: map[string]bool{}, postmaster: users[0].address}
	for _, u := range users {
		p.accounts[u.address] = true
		_, domain, _ := strings.Cut(u.address, "@")
		p.domains[domain] = true
	}
	return p
}

// account returns the account that an address belongs to. The part of a local
// part after a "+" is ignored.
func (p *policy) account(a smtp.Address) (string, bool) {
	local, domain := strings.ToLower(a.Local), strings.ToLower(a.Domain)
	name := local + "@" + domain
	if p.accounts[name] {
		return name, true
	}
	base, _, _ := strings.Cut(local, "+")
	name = base + "@" + domain
	return name, p.accounts[name]
}

// resolve finds the mailbox for a recipient. Mail is accepted for the accounts
// only: nothing is relayed.
func (p *policy) resolve(_ context.Context, to smtp.Address) (account, mailbox string, err error) {
	if name, ok := p.account(to); ok {
		return name, "", nil
	}
	switch local := strings.EqualFold(to.Local, "postmaster"); {
	case local && (to.Domain == "" || p.domains[strings.ToLower(to.Domain)]):
		return p.postmaster, "", nil // RFC 5321 §4.5.1
	case p.domains[strings.ToLower(to.Domain)]:
		return "", "", smtpserver.ErrNoSuchUser
	default:
		return "", "", &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1},
			Text: "this server delivers to its own accounts only and relays no mail"}
	}
}

// maySend lets users send from their own addresses.
func (p *policy) maySend(_ context.Context, identity string, from smtp.Address) error {
	if name, ok := p.account(from); ok && name == identity {
		return nil
	}
	return smtpserver.ErrNotOwner
}
