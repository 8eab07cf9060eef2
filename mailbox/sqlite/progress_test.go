package sqlite

// progress is how far the sessions of a recording have come.
type progress struct {
	rec          *recording
	begun, ended map[int]int // steps of a session
}

func newProgress(rec *recording) *progress {
	return &progress{rec: rec, begun: map[int]int{}, ended: map[int]int{}}
}

func (p *progress) apply(c *call) {
	switch {
	case c.kind != callMark:
	case c.mark == markBegin:
		p.begun[c.session] = c.step + 1
	default:
		p.ended[c.session] = c.step + 1
	}
}

// promises returns what the accounts must hold: what they held after the last step
// that has ended, or after the one that has begun.
func (p *progress) promises() (all []promise) {
	for session, outcomes := range p.rec.outcomes {
		ended, begun := p.ended[session], p.begun[session]
		pr := promise{session: session, pictures: []string{p.picture(session, ended)}}
		if begun > ended {
			pr.pictures = append(pr.pictures, p.picture(session, begun))
		}
		// A step that was refused may be there until another change is
		// acknowledged.
		for i := begun - 1; i >= 0; i-- {
			if outcomes[i].Err != "" {
				pr.similar = p.rec.wanted[i].Picture
			} else if i < ended && outcomes[i].Picture != p.picture(session, i) {
				break
			}
		}
		all = append(all, pr)
	}
	return all
}

// picture returns what the account of a session held after a number of steps.
func (p *progress) picture(session, steps int) string {
	if steps == 0 {
		return ""
	}
	return p.rec.outcomes[session][steps-1].Picture
}
