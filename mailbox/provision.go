package mailbox

import (
	"context"
	"errors"
)

// Provision creates the mailboxes that clients expect to find in an account,
// Drafts, Sent, Archive, Junk and Trash, each with its role, and subscribes to
// those it creates, and to INBOX if there is no subscription yet. It creates none
// whose role another mailbox has or whose name is taken, so that it may be called
// again.
func Provision(ctx context.Context, a Account) error {
	list, err := a.Mailboxes(ctx, 0)
	if err != nil {
		return err
	}
	var have SpecialUse
	names := []string{Inbox} // to subscribe to
	for _, info := range list {
		have |= info.SpecialUse
		if info.Subscribed {
			names = nil
		}
	}
	for _, m := range []struct {
		name string
		use  SpecialUse
	}{
		{"Drafts", UseDrafts},
		{"Sent", UseSent},
		{"Archive", UseArchive},
		{"Junk", UseJunk},
		{"Trash", UseTrash},
	} {
		if have&m.use != 0 {
			continue
		}
		switch _, err := a.Create(ctx, m.name, &CreateOptions{SpecialUse: m.use}); {
		case err == nil:
			names = append(names, m.name)
		case !errors.Is(err, ErrExist):
			return err
		}
	}
	for _, name := range names {
		if err := a.Subscribe(ctx, name, true); err != nil {
			return err
		}
	}
	return nil
}
