package sqlite

// Pages that become free are used again. If there are many, the file gets shorter:
// pages at its end are moved to free places, some in each step of the sweeper. The
// file system has the space back with the next checkpoint of the log.
//
// SQLite can do that in a file that was created with auto_vacuum. One that an
// earlier version of this package created keeps its free pages until somebody runs
// PRAGMA auto_vacuum=INCREMENTAL; VACUUM in it, while no store has it open.

const (
	vacuumPages = 256 // that a step frees

	// The free pages that are kept: a part of the file, within bounds. They are
	// given back if there are twice as many, so that a file whose messages come and
	// go does not shrink and grow all the time.
	keepPages    = 1024
	maxKeepPages = 16384
	keepPart     = 16
)

// incremental prepares a file that is empty yet for vacuum.
func (c *conn) incremental() error {
	if n, err := c.queryInt("PRAGMA page_count"); n > 0 || err != nil {
		return err
	}
	return c.script("PRAGMA auto_vacuum=INCREMENTAL")
}

// spare returns how many pages of the file are free, and how many more than are
// to be kept.
func (t *tx) spare() (free, excess int64, err error) {
	if free, err = t.c.queryInt("PRAGMA freelist_count"); err != nil || free == 0 {
		return 0, 0, err
	}
	pages, err := t.c.queryInt("PRAGMA page_count")
	if err != nil {
		return 0, 0, err
	}
	if t.s.reserve.low.Load() {
		return free, free, nil // the disk is full
	}
	return free, free - min(max(keepPages, pages/keepPart), maxKeepPages), nil
}

// vacuum makes the file shorter by a step. It reports whether more are to be made.
// begun says that it has made the step before.
func (t *tx) vacuum(begun bool) (more bool, err error) {
	free, excess, err := t.spare()
	if err != nil || excess <= 0 || !begun && excess < free/2 {
		return false, err
	}
	if mode, err := t.c.queryInt("PRAGMA auto_vacuum"); err != nil || mode != 2 {
		return false, err
	}
	t.wrote = true
	r, err := t.c.query("PRAGMA incremental_vacuum(256)") // vacuumPages
	if err != nil {
		return false, err
	}
	for r.next() { // a page each
	}
	return excess > vacuumPages, r.close()
}
