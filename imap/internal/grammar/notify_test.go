package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

func TestNotify(t *testing.T) {
	both := []imap.Event{imap.EventMessageNew, imap.EventMessageExpunge}
	for line, want := range map[string]*imap.Notify{
		"NOTIFY NONE": {},
		// RFC 5465 §3.1, with the parentheses that its grammar asks for.
		"notify set status (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge))": {
			Status: true,
			Groups: []imap.EventGroup{
				{Scope: imap.Scope{Kind: imap.ScopeSelected}, Events: both, Items: []imap.FetchItem{{Att: imap.FetchUID}, {
					Att: imap.FetchBodySection, Section: &imap.BodySection{
						Peek: true, Spec: imap.SectionHeaderFields, Fields: []string{"from", "to", "subject"}, Text: "header.fields (from to subject)"},
				}}},
				{Scope: imap.Scope{Kind: imap.ScopeSubtree, Mailboxes: []string{"Lists"}}, Events: both},
			},
		},
		// RFC 5465 §6.
		"notify set (mailboxes INBOX (Messagenew messageExpunge)) (personal (SubscriptionChange))": {
			Groups: []imap.EventGroup{
				{Scope: imap.Scope{Kind: imap.ScopeMailboxes, Mailboxes: []string{"INBOX"}}, Events: both},
				{Scope: imap.Scope{Kind: imap.ScopePersonal}, Events: []imap.Event{imap.EventSubscriptionChange}},
			},
		},
		"notify set (selected (Messagenew (uid flags) messageExpunge)) (personal (MessageNew FlagChange MessageExpunge))": {
			Groups: []imap.EventGroup{
				{Scope: imap.Scope{Kind: imap.ScopeSelected}, Events: both, Items: []imap.FetchItem{{Att: imap.FetchUID}, {Att: imap.FetchFlags}}},
				{Scope: imap.Scope{Kind: imap.ScopePersonal}, Events: []imap.Event{imap.EventMessageNew, imap.EventFlagChange, imap.EventMessageExpunge}},
			},
		},
		`NOTIFY SET (SELECTED-DELAYED NONE) (MAILBOXES ("a b" "Entw&APw-rfe") (X-New))`: {
			Groups: []imap.EventGroup{
				{Scope: imap.Scope{Kind: imap.ScopeSelectedDelayed}},
				{Scope: imap.Scope{Kind: imap.ScopeMailboxes, Mailboxes: []string{"a b", "Entwürfe"}}, Events: []imap.Event{"X-New"}},
			},
		},
		"NOTIFY": nil, "NOTIFY SET": nil, "NOTIFY SET STATUS": nil, "NOTIFY NONE x": nil, "NOTIFY SET (SUBTREE-ONE a NONE)": nil, "NOTIFY SET (PERSONAL)": nil,
		"NOTIFY SET (MAILBOXES NONE)": nil, "NOTIFY SET (PERSONAL ())": nil, "NOTIFY SET (PERSONAL (FlagChange (UID)))": nil, "NOTIFY SET (MAILBOXES () NONE)": nil,
	} {
		t.Run(line, func(t *testing.T) {
			got, err := parseOne(t, line)
			if want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want, got)
			e := wire.Encoder{Mode: wire.LiteralPlus}
			WriteCommand(&e, got)
			require.NoError(t, e.Err)
			again, err := parseOne(t, string(e.B))
			require.NoError(t, err)
			for _, c := range []*imap.Notify{want, again.(*imap.Notify)} {
				for _, g := range c.Groups {
					for _, it := range g.Items {
						if it.Section != nil {
							it.Section.Text = ""
						}
					}
				}
			}
			require.Equal(t, want, again)
		})
	}
}

func TestNotifyCannotBeWritten(t *testing.T) {
	personal := imap.Scope{Kind: imap.ScopePersonal}
	for _, g := range []imap.EventGroup{
		{Scope: imap.Scope{Kind: imap.ScopeMailboxes}},
		{Scope: imap.Scope{Kind: imap.ScopeSubtreeOne, Mailboxes: []string{"a"}}},
		{Scope: imap.Scope{Kind: 99}},
		{Scope: personal, Events: []imap.Event{"a\r\nb"}},
		{Scope: personal, Events: []imap.Event{imap.EventFlagChange}, Items: []imap.FetchItem{{Att: imap.FetchUID}}},
	} {
		var e wire.Encoder
		WriteCommand(&e, &imap.Notify{Groups: []imap.EventGroup{g}})
		require.Error(t, e.Err, "%v", g)
	}
}

func TestNotifyCodes(t *testing.T) {
	require.Equal(t, []imap.Event{imap.EventMessageNew, imap.EventFlagChange}, status(t, "a NO [BADEVENT (messagenew FlagChange)] x").Arg)
	s := status(t, "* OK [NOTIFICATIONOVERFLOW] ...A comment can go here...") // RFC 5465 §5.8
	require.Equal(t, imap.CodeNotificationOverflow, s.Code)
}
