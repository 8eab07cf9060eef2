package pop3client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/posthorn-mail/posthorn/internal/durable"
	"github.com/posthorn-mail/posthorn/pop3"
)

// A SeenFile is a Seen in a file: a heading, and a line for each message, with
// the time in seconds, the unique-id and a checksum. It is for one account and
// one process at a time, and must not be used concurrently.
//
// It survives a crash and a full disk at any point: a line that is not whole
// and right counts as absent, so that its message is downloaded once more, and
// no message counts as seen that was not added.
type SeenFile struct {
	path  string
	f     seenWriter
	size  int64 // of the whole lines
	times map[string]int64
}

// seenWriter is the *os.File, for tests something that fails.
type seenWriter interface {
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

var _ Seen = (*SeenFile)(nil)

const seenHeading = "posthorn-seen 2\n"

// OpenSeen opens the file, or creates it. Lines that are damaged are dropped: an
// incomplete last one, left by a crash, and any other, left by a fault of the
// disk. A file that has nothing but such lines is an error, and not changed.
func OpenSeen(path string) (*SeenFile, error) {
	s := &SeenFile{path: path, times: map[string]int64{}}
	intact, err := s.load()
	if err != nil {
		return nil, err
	}
	if !intact {
		if err := s.rewrite(s.times); err != nil {
			s.Close()
			return nil, err
		}
		return s, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(s.size); err != nil {
		f.Close()
		return nil, err
	}
	s.f = f
	return s, nil
}

// maxSeenLine is more than a line can have.
const maxSeenLine = 1024

// load reads the file. It is intact if lines can be added to it once it has been
// truncated to s.size.
func (s *SeenFile) load() (intact bool, err error) {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, maxSeenLine)
	intact = true
	parse := parseSeen
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err == io.EOF {
			if s.size == 0 && len(line) == 0 {
				return false, nil // empty
			}
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			return false, err
		}
		s.size += int64(len(line))
		if first && string(line) == seenHeading {
			continue
		}
		if _, _, old := parseSeenV1(line); first && old {
			parse, intact = parseSeenV1, false
		}
		t, uid, ok := parse(line)
		if !ok {
			intact = false
			continue
		}
		s.times[string(uid)] = t
	}
	if len(s.times) == 0 && (!intact || s.size == 0) {
		return false, fmt.Errorf("%s: not a list of messages seen", s.path)
	}
	return intact, nil
}

// parseSeen reads a line.
func parseSeen(line []byte) (t int64, uid []byte, ok bool) {
	record, sum, ok := cutLast(bytes.TrimSuffix(line, []byte("\n")))
	if !ok || string(sum) != string(appendSum(nil, record)) {
		return 0, nil, false
	}
	return parseRecord(record)
}

// parseSeenV1 reads a line of the first version, which had no checksum. Two lines
// that a full disk had merged have too many digits or blanks.
func parseSeenV1(line []byte) (t int64, uid []byte, ok bool) {
	t, uid, ok = parseRecord(bytes.TrimSuffix(line, []byte("\n")))
	return t, uid, ok && t >= 0 && t < 1e10
}

func parseRecord(record []byte) (t int64, uid []byte, ok bool) {
	sec, uid, _ := bytes.Cut(record, []byte(" "))
	t, err := strconv.ParseInt(string(sec), 10, 64)
	return t, uid, err == nil && pop3.ValidUID(uid)
}

func cutLast(b []byte) (before, after []byte, ok bool) {
	i := bytes.LastIndexByte(b, ' ')
	if i < 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}

// appendSeen appends a line.
func appendSeen(b []byte, t int64, uid string) []byte {
	start := len(b)
	b = append(strconv.AppendInt(b, t, 10), ' ')
	b = append(b, uid...)
	return append(appendSum(append(b, ' '), b[start:]), '\n')
}

func appendSum(b, record []byte) []byte {
	return fmt.Appendf(b, "%08x", crc32.ChecksumIEEE(record))
}

// When implements Seen.
func (s *SeenFile) When(uid string) (time.Time, bool) {
	t, ok := s.times[uid]
	return time.Unix(t, 0), ok
}

// Add implements Seen. It syncs the file. After an error the file is as it was,
// or ends in a part of a line, which the next line replaces.
func (s *SeenFile) Add(_ context.Context, t time.Time, uid string) error {
	if !pop3.ValidUID(uid) {
		return fmt.Errorf("%w: unique-id %.80q", ErrProtocol, uid)
	}
	line := appendSeen(nil, t.Unix(), uid)
	_, err := s.f.WriteAt(line, s.size)
	if err == nil {
		err = s.f.Sync()
	}
	if err != nil {
		return errors.Join(err, s.f.Truncate(s.size))
	}
	s.size += int64(len(line))
	s.times[uid] = t.Unix()
	return nil
}

// Keep implements Seen. If anything is forgotten, the file is replaced by one
// without it.
func (s *SeenFile) Keep(_ context.Context, keep func(uid string) bool) error {
	kept := map[string]int64{}
	for uid, t := range s.times {
		if keep(uid) {
			kept[uid] = t
		}
	}
	if len(kept) == len(s.times) {
		return nil
	}
	return s.rewrite(kept)
}

// rewrite replaces the file by one with these messages. At each moment the name
// stands for the whole old file or the whole new one.
func (s *SeenFile) rewrite(times map[string]int64) error {
	b := []byte(seenHeading)
	for _, uid := range slices.Sorted(maps.Keys(times)) {
		b = appendSeen(b, times[uid], uid)
	}
	temp := s.path + ".new"
	os.Remove(temp) // of an earlier crash
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(temp, s.path)
	}
	if err != nil {
		f.Close()
		os.Remove(temp)
		return err
	}
	s.Close()
	s.f, s.size, s.times = f, int64(len(b)), times
	return durable.SyncFolder(filepath.Dir(s.path))
}

// Close closes the file.
func (s *SeenFile) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}
