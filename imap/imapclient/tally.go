package imapclient

import "github.com/posthorn-mail/posthorn/imap"

// A tally counts what tells whether work on a connection can be done once more
// after the connection was lost. The Client's mu guards it.
type tally struct {
	answers uint64 // responses that callers have been given
	changes uint64 // commands sent that may change something
}

// tally returns what has been counted up to now.
func (c *Client) tally() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// mayChange reports whether a command may change anything on the server that
// outlives the connection. What is not known to leave all as it is may.
func (k *call) mayChange() bool {
	if k.reads {
		return false
	}
	switch cmd := k.cmd.(type) {
	case *imap.Fetch:
		for _, it := range cmd.Items {
			if it.Marks() || it.Att == imap.FetchRaw {
				return true
			}
		}
		return false
	case *imap.Capability, *imap.Noop, *imap.Check, *imap.Idle, *imap.Logout, *imap.StartTLS, *imap.Login, *imap.Authenticate,
		*imap.Unauthenticate, *imap.ID, *imap.Enable, *imap.Compress, *imap.Language, *imap.Comparator, *imap.Notify,
		*imap.Select, *imap.Unselect, *imap.Namespace, *imap.List, *imap.LSub, *imap.RList, *imap.RLSub, *imap.Status,
		*imap.Search, *imap.ESearch, *imap.Sort, *imap.Thread, *imap.UIDBatches, *imap.CancelUpdate,
		*imap.GetACL, *imap.ListRights, *imap.MyRights, *imap.GetMetadata, *imap.GetQuota, *imap.GetQuotaRoot,
		*imap.GetJMAPAccess, *imap.URLFetch:
		return false
	}
	return true
}
