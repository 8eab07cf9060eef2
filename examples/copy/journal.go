package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/durable"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A journal is the file that says what has been copied from one account to
// another. Lines are only ever added to it; each is about a pair of mailboxes, by
// its number:
//
//	box 1 "INBOX" "INBOX" 17 42       the mailboxes, and the UIDVALIDITY of each
//	intent 1 301 5:8                  these messages are about to be appended, above UID 300
//	done 1 5:8=301:304                they were: these UIDs became those
//	suspect 1 301 5:8                 they were, but whether they arrived was not known when the program went on
//	settled 1                         now it is
//	gone 1 6,8                        these are no longer of interest
//	clean 1 9 77 8 305 12 304         both mailboxes are the same: next UID, mod-sequence and count of each
//
// A line that was not written to its end does not count, and the next one replaces
// it. It is then as if it had not been written, which is right for each of them.
type journal struct {
	mu    sync.Mutex
	f     journalFile // nil: nothing is kept, for a dry run
	size  int64       // of the whole lines
	torn  bool        // there may be more in the file
	lock  *os.File
	boxes map[string]*record // by the name at the source
	last  int                // the highest number
}

// journalFile is the *os.File, for tests something that fails.
type journalFile interface {
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// A record is what the journal knows of a pair of mailboxes. Only who copies the
// mailbox uses it.
type record struct {
	number         int
	source, target string
	sourceValidity uint32
	targetValidity uint32
	pairs          pairs
	intents        mailbox.UIDSet // at the source: sent by this run, or the last
	suspects       mailbox.UIDSet // sent before a break, which may also arrive after they were sent again
	floor          mailbox.UID    // none of these has a UID below it on the target
	clean          *[2]status
}

const journalHead = "posthorn-copy 1"

// openJournal opens or creates the journal of a copy from one account to another.
// Nobody else can, until it is closed. For a dry run, nothing is written.
func openJournal(path, from, to string, dry bool) (*journal, error) {
	j := &journal{boxes: map[string]*record{}}
	head := fmt.Sprintf("%s %q %q", journalHead, from, to)
	if !dry {
		if err := durable.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		var err error
		if j.lock, err = lockFile(path + ".lock"); err != nil {
			return nil, err
		}
	}
	content, err := os.ReadFile(path)
	if err == nil {
		err = j.read(string(content), head)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err == nil && !dry {
		err = j.rewrite(path, head)
	}
	if err != nil {
		j.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

func (j *journal) close() error {
	var err error
	if j.f != nil {
		err = j.f.Close()
	}
	if j.lock != nil {
		j.lock.Close()
	}
	return err
}

// read takes the lines of a journal.
func (j *journal) read(content, head string) error {
	numbers := map[int]*record{}
	first := true
	for line := range strings.Lines(content) {
		if !strings.HasSuffix(line, "\n") {
			break // the program was killed while it wrote it
		}
		line = strings.TrimSuffix(line, "\n")
		if first {
			if line != head {
				return errors.New("is about other accounts: name another file with -state")
			}
			first = false
			continue
		}
		if err := j.line(line, numbers); err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
	}
	for _, r := range j.boxes {
		r.pairs.normalize()
	}
	return nil
}

func (j *journal) line(line string, numbers map[int]*record) error {
	verb, rest, _ := strings.Cut(line, " ")
	if verb == "box" {
		r := &record{}
		if _, err := fmt.Sscanf(rest, "%d %q %q %d %d", &r.number, &r.source, &r.target, &r.sourceValidity, &r.targetValidity); err != nil {
			return err
		}
		numbers[r.number], j.boxes[r.source] = r, r
		j.last = max(j.last, r.number)
		return nil
	}
	number, rest, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(number)
	r := numbers[n]
	if err != nil || r == nil {
		return errors.New("unknown mailbox")
	}
	switch verb {
	case "intent", "suspect":
		floor, set, _ := strings.Cut(rest, " ")
		at, err := strconv.ParseUint(floor, 10, 32)
		if err != nil {
			return err
		}
		uids, err := mailbox.ParseUIDSet(set)
		r.intend(uids, mailbox.UID(at))
		if verb == "suspect" {
			r.suspect()
		}
		return err
	case "done":
		p, err := parsePairs(rest)
		r.done(p)
		return err
	case "settled":
		r.intents, r.suspects = mailbox.UIDSet{}, mailbox.UIDSet{}
	case "gone":
		uids, err := mailbox.ParseUIDSet(rest)
		r.pairs.remove(uids)
		r.clean = nil
		return err
	case "clean":
		var a, b status
		_, err := fmt.Sscan(rest, &a.next, &a.modSeq, &a.messages, &b.next, &b.modSeq, &b.messages)
		a.validity, b.validity = r.sourceValidity, r.targetValidity
		r.clean = &[2]status{a, b}
		return err
	default:
		return errors.New("unknown line")
	}
	return nil
}

// rewrite writes the journal anew, without what is no longer of interest, and
// opens it for more. At each moment the name stands for the whole old file or the
// whole new one.
func (j *journal) rewrite(path, head string) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, head)
	for _, r := range j.boxes {
		b.WriteString(r.boxLine())
		if len(r.pairs) > 0 {
			b.WriteString(r.doneLine(r.pairs))
		}
		if !r.suspects.IsEmpty() {
			b.WriteString(r.sentLine("suspect", r.suspects, r.floor))
		}
		if !r.intents.IsEmpty() {
			b.WriteString(r.sentLine("intent", r.intents, r.floor))
		}
		if r.clean != nil {
			b.WriteString(r.cleanLine())
		}
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b.Bytes()); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return err
	}
	j.f, j.size = f, int64(b.Len())
	return durable.SyncFolder(filepath.Dir(path))
}

// add adds a line. With sync it is on the disk when add returns. After an error the
// line does not count, and what there is of it is removed before the next.
func (j *journal) add(line string, sync bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f == nil {
		return nil
	}
	err := j.write(line, sync)
	if err != nil {
		j.torn = j.f.Truncate(j.size) != nil
		return fmt.Errorf("writing what has been copied: %w", err)
	}
	j.size += int64(len(line))
	return nil
}

func (j *journal) write(line string, sync bool) error {
	if j.torn {
		if err := j.f.Truncate(j.size); err != nil {
			return err
		}
		j.torn = false
	}
	if _, err := j.f.WriteAt([]byte(line), j.size); err != nil || !sync {
		return err
	}
	return j.f.Sync()
}

// box returns the record of a pair of mailboxes, a new and empty one if their UIDs
// are no longer those that are in the journal. fresh says that it is new.
func (j *journal) box(source, target string, sourceValidity, targetValidity uint32) (r *record, fresh bool, err error) {
	j.mu.Lock()
	r = j.boxes[source]
	if r != nil && r.target == target && r.sourceValidity == sourceValidity && r.targetValidity == targetValidity {
		j.mu.Unlock()
		return r, false, nil
	}
	j.last++
	r = &record{number: j.last, source: source, target: target, sourceValidity: sourceValidity, targetValidity: targetValidity}
	j.boxes[source] = r
	j.mu.Unlock()
	return r, true, j.add(r.boxLine(), false)
}

// known returns the record of a mailbox at the source, nil if there is none.
func (j *journal) known(source string) *record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.boxes[source]
}

// records returns all records.
func (j *journal) records() []*record {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*record
	for _, r := range j.boxes {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *record) int { return strings.Compare(a.source, b.source) })
	return out
}

// forget drops a mailbox that is no longer there.
func (j *journal) forget(r *record) error {
	j.mu.Lock()
	delete(j.boxes, r.source)
	j.mu.Unlock()
	return j.add(fmt.Sprintf("gone %d %s\n", r.number, r.pairs.sources()), false)
}

func (r *record) boxLine() string {
	return fmt.Sprintf("box %d %q %q %d %d\n", r.number, r.source, r.target, r.sourceValidity, r.targetValidity)
}

func (r *record) sentLine(verb string, set mailbox.UIDSet, floor mailbox.UID) string {
	return fmt.Sprintf("%s %d %d %s\n", verb, r.number, floor, set)
}

func (r *record) doneLine(p pairs) string { return fmt.Sprintf("done %d %s\n", r.number, p) }

func (r *record) cleanLine() string {
	a, b := r.clean[0], r.clean[1]
	return fmt.Sprintf("clean %d %d %d %d %d %d %d\n", r.number, a.next, a.modSeq, a.messages, b.next, b.modSeq, b.messages)
}

func (r *record) intend(uids mailbox.UIDSet, floor mailbox.UID) {
	if r.intents.IsEmpty() && r.suspects.IsEmpty() || floor < r.floor {
		r.floor = floor
	}
	r.intents = r.intents.Union(uids)
	r.clean = nil
}

func (r *record) done(p pairs) {
	r.clean = nil
	r.pairs = append(r.pairs, p...)
	r.intents = r.intents.Subtract(p.sources())
}

// intend notes that messages are about to be appended, and returns when that is
// on the disk.
func (j *journal) intend(r *record, uids mailbox.UIDSet, floor mailbox.UID) error {
	r.intend(uids, floor)
	return j.add(r.sentLine("intent", uids, floor), true)
}

// done notes which messages are on the target.
func (j *journal) done(r *record, p pairs) error {
	if len(p) == 0 {
		return nil
	}
	r.done(p)
	return j.add(r.doneLine(p), false)
}

func (r *record) suspect() {
	r.suspects = r.suspects.Union(r.intents)
	r.intents = mailbox.UIDSet{}
}

// suspect notes that what is open was sent on a connection that is gone. It reports
// whether there is anything of that kind.
func (j *journal) suspect(r *record) (bool, error) {
	if r.intents.IsEmpty() {
		return !r.suspects.IsEmpty(), nil
	}
	r.suspect()
	return true, j.add(r.sentLine("suspect", r.suspects, r.floor), false)
}

// settled notes that of all that was sent nothing is on its way any more.
func (j *journal) settled(r *record) error {
	if r.intents.IsEmpty() && r.suspects.IsEmpty() {
		return nil
	}
	r.intents, r.suspects = mailbox.UIDSet{}, mailbox.UIDSet{}
	return j.add(fmt.Sprintf("settled %d\n", r.number), false)
}

// gone removes messages of the source from the record.
func (j *journal) gone(r *record, uids mailbox.UIDSet) error {
	if uids.IsEmpty() {
		return nil
	}
	r.pairs.normalize()
	r.pairs.remove(uids)
	r.clean = nil
	return j.add(fmt.Sprintf("gone %d %s\n", r.number, uids), false)
}

// isClean notes that both mailboxes are the same.
func (j *journal) isClean(r *record, source, target status) error {
	r.clean = &[2]status{source, target}
	return j.add(r.cleanLine(), false)
}
