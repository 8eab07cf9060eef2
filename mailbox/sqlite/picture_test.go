package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// picture describes all that the accounts hold whose names begin with name, as
// text. It does not have the save dates, which differ from run to run.
func picture(ctx context.Context, s *Store, name string) (string, error) {
	var b strings.Builder
	for n, err := range s.Accounts(ctx) {
		if err == nil && strings.HasPrefix(n, name) {
			err = pictureAccount(ctx, &b, s, n)
		}
		if err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func pictureAccount(ctx context.Context, b *strings.Builder, s *Store, name string) error {
	a, err := s.Account(ctx, name)
	if err != nil {
		return err
	}
	quota, err := a.(mailbox.QuotaKeeper).Quota(ctx, QuotaRoot)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "account %s quota %v\n", name, quota)
	infos, err := a.Mailboxes(ctx, mailbox.ListStatus)
	if err != nil {
		return err
	}
	for _, info := range infos {
		fmt.Fprintf(b, "  mailbox %q id %s subscribed %v exists %v\n", info.Name, info.ID, info.Subscribed, !info.NonExistent)
		if info.NonExistent {
			continue
		}
		if err := pictureBox(ctx, b, a, info); err != nil {
			return err
		}
	}
	return nil
}

func pictureBox(ctx context.Context, b *strings.Builder, a mailbox.Account, info mailbox.Info) error {
	st := info.Status
	fmt.Fprintf(b, "    %d messages %d unseen %d deleted %d octets next %d modseq %d validity=%d\n",
		st.Messages, st.Unseen, st.Deleted, st.Size, st.UIDNext, st.HighestModSeq, st.UIDValidity)
	m, err := a.Mailbox(ctx, info.Name)
	if err != nil {
		return err
	}
	changes, err := m.Changes(ctx, mailbox.State{UIDNext: 1, ModSeq: 1})
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "    vanished %v\n", changes.Vanished)
	for msg, err := range m.Messages(ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantEnvelope|mailbox.WantContent) {
		if err != nil {
			return err
		}
		sum, err := sumOf(io.NewSectionReader(msg.Content, 0, msg.Content.Size()))
		if err != nil {
			return fmt.Errorf("%s UID %d: %w", info.Name, msg.UID, err)
		}
		fmt.Fprintf(b, "    %d modseq %d (%v) %d octets of %s id %s, sum %s, %q\n", msg.UID, msg.ModSeq, msg.Flags,
			msg.Size, msg.InternalDate.UTC().Format(time.RFC3339), msg.EmailID, sum, msg.Envelope.Subject)
	}
	return nil
}

// withSum puts a header field before a message by which sumOf can check it.
func withSum(text string) string {
	h := fnv.New64a()
	io.WriteString(h, text)
	return fmt.Sprintf("X-Sum: %016x\r\n%s", h.Sum64(), text)
}

// sumOf checks a message that withSum has made, and returns its sum.
func sumOf(r io.Reader) (string, error) {
	b := bufio.NewReader(r)
	line, err := b.ReadString('\n')
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	if _, err := io.Copy(h, b); err != nil {
		return "", err
	}
	sum := fmt.Sprintf("%016x", h.Sum64())
	if line != "X-Sum: "+sum+"\r\n" {
		return "", fmt.Errorf("a message is damaged: %q, but the sum is %s", line, sum)
	}
	return sum, nil
}
