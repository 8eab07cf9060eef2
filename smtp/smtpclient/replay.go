package smtpclient

import (
	"bytes"
	"io"
)

// A replay lets a message be read again from where it was, if it can be sought
// in or if not more than headSize octets of it have been read.
type replay struct {
	r      io.Reader
	seeker io.Seeker
	start  int64
	kept   []byte // what was read of r, where there is no seeker
	lost   bool   // more was read than is kept
}

func newReplay(r io.Reader) *replay {
	s := &replay{r: r}
	if seeker, ok := r.(io.Seeker); ok {
		if at, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			s.seeker, s.start = seeker, at
		}
	}
	return s
}

// reader returns the message from its start.
func (s *replay) reader() io.Reader {
	switch {
	case s.seeker != nil:
		return s.r
	case len(s.kept) > 0:
		// What is kept is kept still: it can be read once more.
		return io.MultiReader(bytes.NewReader(s.kept), (*keeping)(s))
	}
	return (*keeping)(s)
}

// rewind goes back to the start, if that is possible.
func (s *replay) rewind() bool {
	if s.seeker == nil {
		return !s.lost
	}
	_, err := s.seeker.Seek(s.start, io.SeekStart)
	return err == nil
}

// keeping reads, and keeps the beginning of what it reads.
type keeping replay

func (k *keeping) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if !k.lost {
		if len(k.kept)+n > headSize {
			k.lost, k.kept = true, nil
		} else {
			k.kept = append(k.kept, p[:n]...)
		}
	}
	return n, err
}
