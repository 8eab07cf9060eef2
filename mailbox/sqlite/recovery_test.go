package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// promise is what an account must hold after a failure: one of the pictures, of
// which the second is that of a step that was not acknowledged.
type promise struct {
	session  int
	pictures []string
	similar  string // or this, but for UIDVALIDITYs; empty: none
}

var uidValidity = regexp.MustCompile(`validity=\d+`)

func (p *promise) keptBy(picture string) bool {
	plain := func(s string) string { return uidValidity.ReplaceAllString(s, "") }
	return slices.Contains(p.pictures, picture) || p.similar != "" && plain(picture) == plain(p.similar)
}

// recoverStore opens the store in a folder as after a failure, and checks that it
// is sound, keeps the promises, and works.
func recoverStore(dir string, promises []promise) (err error) {
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(dir, "mail.db"), &Options{
		PollInterval: time.Hour,
		Logger:       slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := soundness(s); err != nil {
		return err
	}
	for _, p := range promises {
		got, err := picture(ctx, s, accountOf(p.session))
		if err != nil {
			return fmt.Errorf("session %d: %w", p.session, err)
		}
		if !p.keptBy(got) {
			return fmt.Errorf("session %d: the account holds\n%s\nand should hold\n%s", p.session, got,
				strings.Join(append(p.pictures, p.similar), "\nor\n"))
		}
	}
	return addMore(ctx, s)
}

// addMore adds a message to a new account.
func addMore(ctx context.Context, s *Store) error {
	if err := s.CreateAccount(ctx, "later"); err != nil {
		return err
	}
	a, err := s.Account(ctx, "later")
	if err != nil {
		return err
	}
	inbox, err := a.Mailbox(ctx, "INBOX")
	if err != nil {
		return err
	}
	body := withSum("Subject: later\r\n\r\n")
	_, err = inbox.Append(ctx, mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body))})
	if err == nil {
		_, err = picture(ctx, s, "later")
	}
	return err
}

// writeFiles writes an image of a disk into a folder.
func writeFiles(dir string, files map[string][]byte) error {
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
