package imap

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestError(t *testing.T) {
	err := fmt.Errorf("append: %w", &Error{Status: NO, Code: CodeTryCreate, Text: "no such mailbox"})
	require.EqualError(t, err, "append: imap: NO [TRYCREATE] no such mailbox")
	require.ErrorIs(t, err, &Error{Code: CodeTryCreate})
	require.ErrorIs(t, err, &Error{Status: NO})
	require.False(t, errors.Is(err, &Error{Status: BAD}))
	require.False(t, errors.Is(err, &Error{}))
	require.False(t, errors.Is(err, errors.New("x")))
	require.Equal(t, "imap: NO [BADCHARSET (UTF-8)]", (&Error{Status: NO, Code: CodeBadCharset, CodeArgs: "(UTF-8)"}).Error())
	require.True(t, (&Error{Code: CodeInUse}).Temporary())
	require.False(t, (&Error{Code: CodeOverQuota}).Temporary())
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.False(t, errors.Is(err, mailbox.ErrExist))
	for code, want := range map[Code]error{
		CodeNonExistent: mailbox.ErrNotExist, CodeAlreadyExists: mailbox.ErrExist, CodeOverQuota: mailbox.ErrOverQuota, CodeTooBig: mailbox.ErrTooLarge,
		CodeNoPerm: mailbox.ErrPermission, CodeReadOnly: mailbox.ErrReadOnly, CodeLimit: mailbox.ErrLimit, CodeUnavailable: mailbox.ErrUnavailable,
		CodeInUse: mailbox.ErrUnavailable, CodeServerBug: mailbox.ErrUnavailable, CodeCannot: mailbox.ErrInvalidName,
	} {
		require.ErrorIs(t, &Error{Status: NO, Code: code}, want)
	}
	require.False(t, errors.Is(&Error{Status: NO}, mailbox.ErrNotExist))
}

func TestCapSet(t *testing.T) {
	s := NewCapSet("IMAP4rev1", "AUTH=plain", "IDLE", "idle", "APPENDLIMIT=35", "auth=SCRAM-SHA-256")
	require.Equal(t, "IMAP4rev1 AUTH=plain IDLE APPENDLIMIT=35 auth=SCRAM-SHA-256", s.String())
	require.True(t, s.Has("idle"))
	require.False(t, s.Has("AUTH="))
	require.Equal(t, []string{"PLAIN", "SCRAM-SHA-256"}, s.Mechanisms())
	v, ok := s.Value("appendlimit")
	require.True(t, ok)
	require.Equal(t, "35", v)
	_, ok = s.Value("IDLE")
	require.False(t, ok)

	less := s.Without("IDLE", "auth=PLAIN")
	require.Equal(t, []Cap{"IMAP4rev1", "APPENDLIMIT=35", "auth=SCRAM-SHA-256"}, slices.Collect(less.All()))
	a, b := less.With("A"), less.With("B")
	require.False(t, a.Has("B") || b.Has("A"))
	require.Equal(t, 5, s.Len())
	require.Equal(t, 0, CapSet{}.Len())
}

func TestValidFlag(t *testing.T) {
	for _, f := range []mailbox.Flag{`\Seen`, "$Junk", "a", "x-[y", "+-"} {
		require.True(t, ValidFlag(f), f)
	}
	for _, f := range []mailbox.Flag{"", `\`, `\*`, `\\a`, "a b", "a]", "a\r\nb", "é", "a(b", `a"b`, "a{", "a%", "a\x7f"} {
		require.False(t, ValidFlag(f), f)
	}
}

func TestMarks(t *testing.T) {
	require.True(t, FetchItem{Att: FetchBodySection, Section: &BodySection{}}.Marks())
	require.False(t, FetchItem{Att: FetchBodySection, Section: &BodySection{Peek: true}}.Marks())
	require.True(t, FetchItem{Att: FetchRFC822}.Marks())
	require.True(t, FetchItem{Att: FetchRFC822Text}.Marks())
	require.False(t, FetchItem{Att: FetchRFC822Header}.Marks())
	require.Equal(t, "RFC822.SIZE", FetchSize.String())
	require.Equal(t, "UNKNOWN", FetchAtt(200).String())
}

func TestID(t *testing.T) {
	f := IDFields{{Name: "Name", Value: "x"}}
	require.Equal(t, "x", f.Get(IDName))
	require.Empty(t, f.Get(IDVersion))
}
