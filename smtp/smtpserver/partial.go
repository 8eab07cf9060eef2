package smtpserver

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/smtp"
)

// answer is the one answer of SMTP for results that may differ: see Delivery.
func (s *deliverySession) answer(ctx context.Context, m *received, errs []error) error {
	failures := 0
	for _, err := range errs {
		if err != nil {
			failures++
		}
	}
	switch {
	case failures == 0:
		s.report(ctx, m, errs, nil)
		if ctx.Err() != nil { // the client has gone, and will send the message again
			s.remember(m, errs)
		} else {
			s.forget(m)
		}
		return nil
	case len(errs) == 1:
		return errs[0]
	}
	replies := make([]*smtp.Error, len(errs))
	worst := -1 // the first failure that may pass, otherwise the first
	for i, err := range errs {
		if err == nil {
			continue
		}
		replies[i] = s.c.asReply(err)
		if worst < 0 || replies[worst].Code/100 == 5 && replies[i].Code/100 != 5 {
			worst = i
		}
	}
	e := replies[worst]
	refusal := &smtp.Error{Code: e.Code, Enhanced: e.Enhanced, Text: "<" + s.rcpts[worst].to.String() + ">: " + e.Text}
	if failures == len(errs) {
		return refusal
	}
	if e.Code/100 == 5 && !s.d.RefusePartial && s.report(ctx, m, errs, replies) == nil {
		s.forget(m)
		return nil
	}
	if e.Code/100 != 5 || s.d.RefusePartial {
		s.report(ctx, m, errs, nil)
	}
	s.remember(m, errs)
	return refusal
}

const (
	maxPartial  = 4096           // results that are remembered
	partialTime = 24 * time.Hour // for how long; clients try again within hours (RFC 5321 §4.5.4.1)
)

// partialDeliveries remembers who has got a message that others have not.
type partialDeliveries struct {
	mu    sync.Mutex
	count int
	marks map[partialKey][]partialMark
}

// A partialKey is a sender and a mailbox.
type partialKey struct {
	from          smtp.Address
	account, name string
}

// A partialMark is a message that the mailbox has got from the sender.
type partialMark struct {
	sum   [sha256.Size]byte
	until time.Time
}

// knows reports whether there is any mark, so that most messages need no sum.
func (p *partialDeliveries) knows(k partialKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count > 0 && len(p.marks[k]) > 0
}

func (p *partialDeliveries) has(k partialKey, sum [sha256.Size]byte, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.marks[k] {
		if m.sum == sum && now.Before(m.until) {
			return true
		}
	}
	return false
}

func (p *partialDeliveries) add(k partialKey, sum [sha256.Size]byte, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count >= maxPartial {
		p.prune(now)
	}
	if p.marks == nil {
		p.marks = make(map[partialKey][]partialMark)
	}
	p.marks[k] = append(p.marks[k], partialMark{sum, now.Add(partialTime)})
	p.count++
}

// remove removes the marks of k for which drop holds. p.mu is held.
func (p *partialDeliveries) remove(k partialKey, drop func(m partialMark) bool) {
	marks, ok := p.marks[k]
	if !ok {
		return
	}
	kept := slices.DeleteFunc(marks, drop)
	p.count -= len(marks) - len(kept)
	if p.marks[k] = kept; len(kept) == 0 {
		delete(p.marks, k)
	}
}

// prune makes room: it removes what has expired, and if that is not half of all,
// others at random. p.mu is held.
func (p *partialDeliveries) prune(now time.Time) {
	for k := range p.marks {
		p.remove(k, func(m partialMark) bool { return !now.Before(m.until) })
	}
	for k := range p.marks {
		if p.count <= maxPartial/2 {
			return
		}
		p.remove(k, func(partialMark) bool { return true })
	}
}

func (p *partialDeliveries) forget(k partialKey, sum [sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(k, func(m partialMark) bool { return m.sum == sum })
}

func (s *deliverySession) partialKey(r *deliveryRcpt) partialKey {
	return partialKey{s.from, r.account, r.name}
}

// hasGot reports whether a recipient has got the message in an earlier attempt.
func (s *deliverySession) hasGot(r *deliveryRcpt, m *received) bool {
	k := s.partialKey(r)
	if s.c.LMTP() || !s.d.partial.knows(k) {
		return false
	}
	sum, err := m.sum()
	return err == nil && s.d.partial.has(k, sum, m.time)
}

// remember notes who has got the message, for the next attempt.
func (s *deliverySession) remember(m *received, errs []error) {
	sum, err := m.sum()
	if err != nil {
		return // as if it were forgotten
	}
	for i := range s.rcpts {
		if r := &s.rcpts[i]; errs[i] == nil && !r.before && r.same < 0 {
			s.d.partial.add(s.partialKey(r), sum, m.time)
		}
	}
}

// forget is for a message that is accepted: the next one with the same octets is
// another.
func (s *deliverySession) forget(m *received) {
	for i := range s.rcpts {
		if r := &s.rcpts[i]; r.before && r.same < 0 {
			if sum, err := m.sum(); err == nil {
				s.d.partial.forget(s.partialKey(r), sum)
			}
		}
	}
}

// sum returns the SHA-256 of the message as it is kept.
func (m *received) sum() (sum [sha256.Size]byte, err error) {
	if m.summed {
		return m.digest, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, m.reader()); err != nil {
		return sum, err
	}
	h.Sum(m.digest[:0])
	m.summed = true
	return m.digest, nil
}
