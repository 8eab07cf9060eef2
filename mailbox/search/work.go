package search

import "context"

// A meter counts the work of a search, in octets that are searched for one text; what
// else a search does counts as octets that take as long.
type meter struct {
	ctx  context.Context
	work func(context.Context, int) error // Options.Work
	done int                              // octets that have not been reported
	err  error                            // stays
}

// What is not the search for a text, in octets.
const (
	messageCost = 1 << 10 // a message that is yielded
	keyCost     = 64      // a key that is evaluated for it
	rangeCost   = 32      // a range of a set
	readCost    = 4       // an octet that is read, decoded and folded
)

const (
	unitOctets  = 1 << 10 // of a unit of Options.Work
	unitsAtOnce = 64
)

// spend counts n octets. It returns the error that ends the search: that of the
// context or of Options.Work.
func (m *meter) spend(n int) error {
	if m.done += n; m.done < unitsAtOnce*unitOctets || m.err != nil {
		return m.err
	}
	units := m.done / unitOctets
	m.done %= unitOctets
	if m.err = m.ctx.Err(); m.err == nil && m.work != nil {
		m.err = m.work(m.ctx, units)
	}
	return m.err
}
