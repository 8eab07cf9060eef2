package imapclient

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// checkKey returns an UnsupportedError if the server lacks what a key needs. Only
// the exact capability counts: servers with others of a similar name answer BAD.
func (c *Client) checkKey(key search.Key) error {
	for leaf := range search.Leaves(key) {
		x, what := keyNeeds(leaf)
		if x != "" && !c.has(x) {
			return &UnsupportedError{Cap: x, What: what}
		}
		if fuzzy, ok := leaf.(imap.SearchFuzzy); ok {
			if err := c.checkKey(fuzzy.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyNeeds returns the capability that a key needs, and what it is, for an error.
func keyNeeds(key search.Key) (imap.Cap, string) {
	switch k := key.(type) {
	case search.Within:
		return imap.CapWithin, "searching by age (OLDER, YOUNGER)"
	case search.ModSeq, imap.SearchModSeq:
		return imap.CapCondStore, "searching by mod-sequence"
	case search.EmailID, search.ThreadID:
		return imap.CapObjectID, "searching by EMAILID or THREADID"
	case search.SaveDateSupported:
		return imap.CapSaveDate, "searching by save date"
	case search.Date:
		if k.Field == search.SaveDate {
			return imap.CapSaveDate, "searching by save date"
		}
	case imap.SearchFuzzy:
		return imap.CapFuzzy, "a fuzzy search"
	case imap.SearchFilter:
		return imap.CapFilters, "searching by a filter"
	case imap.SearchGmail, imap.SearchGmailMessageID, imap.SearchGmailThreadID, imap.SearchGmailLabel:
		return imap.CapGmail, "searching as Gmail does"
	case imap.SearchAnnotation:
		return imap.CapAnnotate, "searching by annotation"
	case imap.SearchUIDAfter, imap.SearchUIDBefore:
		return imap.CapMessageLimit, "UIDAFTER and UIDBEFORE"
	case imap.SearchSeq:
		if k.Set.Saved {
			return imap.CapSearchRes, "a saved search result"
		}
	case imap.SearchUID:
		if k.Set.Saved {
			return imap.CapSearchRes, "a saved search result"
		}
	}
	return "", ""
}

// isFuzzy reports whether a key has a part that is matched fuzzily.
func isFuzzy(key search.Key) bool {
	for leaf := range search.Leaves(key) {
		if _, ok := leaf.(imap.SearchFuzzy); ok {
			return true
		}
	}
	return false
}
