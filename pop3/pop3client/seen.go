package pop3client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/pop3"
)

// A SeenFile is a Seen in a file: a line for each message, with the time in
// seconds and the unique-id. It is for one account and one process at a time,
// and must not be used concurrently.
type SeenFile struct {
	path  string
	f     *os.File
	times map[string]int64
}

var _ Seen = (*SeenFile)(nil)

// OpenSeen opens the file, or creates it. An incomplete last line, left by a
// crash, is dropped.
func OpenSeen(path string) (*SeenFile, error) {
	s := &SeenFile{path: path, times: map[string]int64{}}
	whole, err := s.load()
	if err != nil {
		return nil, err
	}
	if s.f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err = s.f.Truncate(whole); err == nil {
		_, err = s.f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		s.f.Close()
		return nil, err
	}
	return s, nil
}

// load reads the file and returns how many octets of it are whole lines.
func (s *SeenFile) load() (whole int64, err error) {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return whole, nil
		}
		if err != nil {
			return 0, err
		}
		sec, uid, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		t, err := strconv.ParseInt(sec, 10, 64)
		if err != nil || !pop3.ValidUID(uid) {
			return 0, fmt.Errorf("%s:%d: not a list of messages seen", s.path, n)
		}
		s.times[uid] = t
		whole += int64(len(line))
	}
}

// When implements Seen.
func (s *SeenFile) When(uid string) (time.Time, bool) {
	t, ok := s.times[uid]
	return time.Unix(t, 0), ok
}

// Add implements Seen. It syncs the file.
func (s *SeenFile) Add(_ context.Context, t time.Time, uid string) error {
	if !pop3.ValidUID(uid) {
		return fmt.Errorf("%w: unique-id %.80q", ErrProtocol, uid)
	}
	if _, err := s.f.Write(appendSeen(nil, t.Unix(), uid)); err != nil {
		return err
	}
	if err := s.f.Sync(); err != nil {
		return err
	}
	s.times[uid] = t.Unix()
	return nil
}

func appendSeen(b []byte, t int64, uid string) []byte {
	b = append(strconv.AppendInt(b, t, 10), ' ')
	return append(append(b, uid...), '\n')
}

// Keep implements Seen. If anything is forgotten, the file is replaced by one
// without it.
func (s *SeenFile) Keep(_ context.Context, keep func(uid string) bool) error {
	var b []byte
	kept := map[string]int64{}
	for uid, t := range s.times {
		if keep(uid) {
			kept[uid] = t
			b = appendSeen(b, t, uid)
		}
	}
	if len(kept) == len(s.times) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*")
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return err
	}
	s.f.Close()
	s.f, s.times = f, kept
	return nil
}

// Close closes the file.
func (s *SeenFile) Close() error { return s.f.Close() }
