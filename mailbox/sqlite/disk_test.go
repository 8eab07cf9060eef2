package sqlite

import "math/rand/v2"

// disk is a folder on a simulated disk. What has been synced is on it; what has
// only been written may be, in any part and order, if the power fails. So it is
// with the names in the folder and a sync of the folder.
type disk struct {
	lies func(file string) bool // reports whether syncs of a file do nothing

	names   map[string]*inode // as programs see them
	synced  map[string]*inode // those that are on the disk
	pending []naming
}

// naming is a change of the folder.
type naming struct {
	at   int
	name string
	to   *inode // nil: the name is removed
}

// inode is the content of a file.
type inode struct {
	synced  []byte
	pending []change // after synced
}

// change is a write, or a truncation to offset if data is nil.
type change struct {
	at     int
	offset int64
	data   []byte

	// lost: it is not synced any more. When a sync fails, Linux forgets which
	// pages it has not written: the next one succeeds without them.
	lost bool
	// kept: it is synced, but follows one that was lost.
	kept bool
}

func newDisk(lies func(string) bool) *disk {
	return &disk{lies: lies, names: map[string]*inode{}, synced: map[string]*inode{}}
}

// apply does the system call with the number at.
func (d *disk) apply(at int, c *call) {
	f := d.names[c.file]
	switch c.kind {
	case callCreate:
		if f == nil {
			d.name(at, c.file, &inode{})
		}
	case callUnlink:
		d.name(at, c.file, nil)
	case callWrite:
		f.pending = append(f.pending, change{at: at, offset: c.offset, data: c.data})
	case callTruncate:
		f.pending = append(f.pending, change{at: at, offset: c.offset})
	case callFailedSync:
		if c.file != "" {
			f.failSync(c.began)
		}
	case callSync:
		if d.lies(c.file) {
			return
		}
		if c.file == "" {
			d.syncNames(c.began)
		} else {
			f.sync(c.began)
		}
	}
}

func (d *disk) name(at int, name string, to *inode) {
	d.pending = append(d.pending, naming{at, name, to})
	setName(d.names, name, to)
}

func setName(names map[string]*inode, name string, to *inode) {
	if to == nil {
		delete(names, name)
	} else {
		names[name] = to
	}
}

// syncNames syncs what was changed before the event with the number began.
func (d *disk) syncNames(began int) {
	var later []naming
	for _, n := range d.pending {
		if n.at < began {
			setName(d.synced, n.name, n.to)
		} else {
			later = append(later, n)
		}
	}
	d.pending = later
}

func (f *inode) sync(began int) {
	var later []change
	for _, c := range f.pending {
		c.kept = c.kept || c.at < began && !c.lost
		if c.kept && len(later) == 0 {
			f.synced = c.apply(f.synced)
		} else {
			later = append(later, c)
		}
	}
	f.pending = later
}

func (f *inode) failSync(began int) {
	for i := range f.pending {
		if c := &f.pending[i]; c.at < began && c.data != nil && !c.kept {
			c.lost = true
		}
	}
}

func (c *change) apply(b []byte) []byte {
	end := c.offset + int64(len(c.data))
	if n := end - int64(len(b)); n > 0 {
		b = append(b, make([]byte, n)...)
	}
	if c.data == nil {
		return b[:end]
	}
	copy(b[c.offset:], c.data)
	return b
}

// sector is what a disk writes wholly or not at all.
const sector = 512

// tear applies some of the sectors of a write.
func (c *change) tear(b []byte, rng *rand.Rand) []byte {
	for data, offset := c.data, c.offset; len(data) > 0; {
		n := min(int64(len(data)), sector-offset%sector)
		if rng.IntN(2) == 0 {
			part := change{offset: offset, data: data[:n]}
			b = part.apply(b)
		}
		data, offset = data[n:], offset+n
	}
	return b
}

// image returns the files that may be on the disk after the power has failed.
func (d *disk) image(rng *rand.Rand) map[string][]byte {
	cut := d.cut(rng)
	choose := chooser(rng, cut)
	names := map[string]*inode{}
	for name, f := range d.synced {
		names[name] = f
	}
	for i, n := range d.pending {
		if whole, _ := choose(i, len(d.pending), n.at); whole {
			setName(names, n.name, n.to)
		}
	}
	files := map[string][]byte{}
	for _, name := range []string{"mail.db", "mail.db-journal", "mail.db-lock", "mail.db-wal"} { // in the same order each time
		if f := names[name]; f != nil {
			files[name] = f.image(rng, chooser(rng, cut))
		}
	}
	return files
}

func (f *inode) image(rng *rand.Rand, choose func(i, n, at int) (whole, torn bool)) []byte {
	b := append([]byte(nil), f.synced...)
	for i, c := range f.pending {
		switch whole, torn := choose(i, len(f.pending), c.at); {
		case c.kept:
			b = c.apply(b)
		case torn && c.data != nil:
			b = c.tear(b, rng)
		case whole:
			b = c.apply(b)
		}
	}
	return b
}

// cut returns the number of the event before which everything reached the disk, and
// after which nothing did, if this time the disk writes in order; otherwise -1.
func (d *disk) cut(rng *rand.Rand) int {
	if rng.IntN(4) > 0 {
		return -1
	}
	var ats []int
	for _, n := range d.pending {
		ats = append(ats, n.at)
	}
	for _, f := range d.names {
		for _, c := range f.pending {
			ats = append(ats, c.at)
		}
	}
	if len(ats) == 0 {
		return 0
	}
	first, last := ats[0], ats[0]
	for _, at := range ats {
		first, last = min(first, at), max(last, at)
	}
	return first + rng.IntN(last-first+2)
}

// chooser returns a function that says whether the i-th of n changes reached the
// disk, of a file or of the folder.
func chooser(rng *rand.Rand, cut int) func(i, n, at int) (whole, torn bool) {
	if cut >= 0 {
		return func(_, _, at int) (bool, bool) { return at < cut, at == cut }
	}
	switch rng.IntN(5) {
	case 0: // none
		return func(int, int, int) (bool, bool) { return false, false }
	case 1: // all
		return func(int, int, int) (bool, bool) { return true, false }
	case 2: // the first of them, and a part of the next
		part := rng.Float64()
		return func(i, n, _ int) (bool, bool) {
			end := int(part * float64(n+1))
			return i < end, i == end
		}
	case 3: // the last of them
		part := rng.Float64()
		return func(i, n, _ int) (bool, bool) { return i >= int(part*float64(n+1)), false }
	default: // some
		odds := []float64{0.05, 0.5, 0.95}[rng.IntN(3)]
		return func(int, int, int) (bool, bool) {
			whole := rng.Float64() < odds
			return whole, rng.IntN(8) == 0
		}
	}
}
