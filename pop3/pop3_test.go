package pop3

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseCommand(t *testing.T) {
	for line, want := range map[string]Command{
		"STAT":             {Verb: "STAT"},
		"quit":             {Verb: "QUIT"},
		"NOOP  ":           {Verb: "NOOP"},
		"RETR 1":           {Verb: "RETR", Msg: 1},
		"dele  007 ":       {Verb: "DELE", Msg: 7},
		"LIST":             {Verb: "LIST"},
		"LIST 99999999999": {Verb: "LIST", Msg: maxNumber},
		"TOP 3 0":          {Verb: "TOP", Msg: 3},
		"TOP 3 10":         {Verb: "TOP", Msg: 3, Lines: 10},
		"USER a b ":        {Verb: "USER", Arg: "a b"},
		"PASS  a b ":       {Verb: "PASS", Arg: " a b "},
		"USER jörg":        {Verb: "USER", Arg: "jörg"},
		"APOP mrose c4c9":  {Verb: "APOP", Arg: "mrose", Second: "c4c9"},
		"AUTH":             {Verb: "AUTH"},
		"AUTH plain":       {Verb: "AUTH", Arg: "PLAIN"},
		"AUTH plain AGE=":  {Verb: "AUTH", Arg: "PLAIN", Second: "AGE="},
		"LANG de":          {Verb: "LANG", Arg: "de"},
		"LANG":             {Verb: "LANG"},
		"CAPA":             {Verb: "CAPA"},
	} {
		got, err := ParseCommand([]byte(line))
		require.NoError(t, err, line)
		require.Equal(t, want, got, line)
	}
	for line, want := range map[string]error{
		"": ErrUnknownCommand, " STAT": ErrUnknownCommand, "EHLO x": ErrUnknownCommand, "STAT\t": ErrUnknownCommand,
		"STAT 1": ErrSyntax, "RETR": ErrSyntax, "RETR 0": ErrSyntax, "RETR -1": ErrSyntax, "RETR 1x": ErrSyntax,
		"RETR 1 2": ErrSyntax, "TOP 1": ErrSyntax, "TOP 1 2 3": ErrSyntax, "TOP 1 2 3 4": ErrSyntax, "USER": ErrSyntax,
		"USER  ": ErrSyntax, "PASS": ErrSyntax, "USER a\x00b": ErrSyntax, "APOP x": ErrSyntax, "AUTH a b c": ErrSyntax,
		"LANG a b": ErrSyntax, "LIST x": ErrSyntax,
	} {
		_, err := ParseCommand([]byte(line))
		require.ErrorIs(t, err, want, "%q", line)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		ParseCommand([]byte("retr 12"))
	}))
}

func TestRedact(t *testing.T) {
	for line, want := range map[string]string{
		"PASS tanstaaf":     "PASS <redacted>",
		"pass a b":          "pass <redacted>",
		"PASS":              "PASS",
		"APOP mrose c4c933": "APOP mrose <redacted>",
		"AUTH PLAIN AGE=":   "AUTH PLAIN <redacted>",
		"AUTH PLAIN":        "AUTH PLAIN",
		"USER mrose":        "USER mrose",
		"RETR 1":            "RETR 1",
		"":                  "",
		// What is no command may be a secret.
		"USER mrose tanstaaf": "USER mrose <redacted>",
		" PASS tanstaaf":      "<redacted>",
		"PASS\ttanstaaf":      "<redacted>",
		"AG1yb3NlAHRhbnN0YWE": "<redacted>",
		// What is no blank may still be meant as one.
		"APOP\tmrose c4c933":       "<redacted>",
		"APOP mrose\tc4c933":       "APOP <redacted>",
		"APOP \tmrose c4c933":      "APOP <redacted>",
		"APOP mrose\u00A0c4c933":   "APOP <redacted>",
		"APOP c4c933":              "APOP <redacted>",
		"PASS \ttanstaaf":          "PASS <redacted>",
		"AUTH\tPLAIN AGE=":         "<redacted>",
		"AUTH PLAIN\tAGE=":         "AUTH <redacted>",
		"AUTH PLAIN\vAGE=":         "AUTH <redacted>",
		"AUTH PLAIN\x00AGE=":       "AUTH <redacted>",
		"AUTH PLAIN\rAGE=":         "AUTH <redacted>",
		"AUTH PLAIN:AGE=":          "AUTH <redacted>",
		"AUTH AG1yb3NlAHRhbnN0YWE": "AUTH <redacted>",
		"AUTH  PLAIN AGE=":         "AUTH <redacted>",
		"AUTH AG1y+bnN0/WE=":       "AUTH <redacted>",
		"auth scram-sha-512-plus":  "auth scram-sha-512-plus",
		"USER mrose\ttanstaaf":     "USER <redacted>",
		"USER mrose\u3000tanstaaf": "USER <redacted>",
		"LIST\t1":                  "<redacted>",
	} {
		in := []byte(line)
		require.Equal(t, want, string(Redact(in)))
		require.Equal(t, line, string(in))
	}
}

func TestStatus(t *testing.T) {
	for line, want := range map[string]Status{
		"+OK":                            {OK: true},
		"+OK ":                           {OK: true},
		"+OK\t2 320":                     {OK: true, Text: "2 320"},
		"-err\t[IN-USE] locked":          {Code: "IN-USE", Text: "locked"},
		"+ok 2 320":                      {OK: true, Text: "2 320"},
		"-ERR [IN-USE] Do you have":      {Code: "IN-USE", Text: "Do you have"},
		"-ERR [SYS/TEMP]x":               {Code: "SYS/TEMP", Text: "x"},
		"-ERR [ no code":                 {Text: "[ no code"},
		"-ERR [] no code":                {Text: "[] no code"},
		"-ERR [no code] x":               {Text: "[no code] x"},
		"+OK POP3 ready <1896.6@dbc.us>": {OK: true, Text: "POP3 ready <1896.6@dbc.us>"},
	} {
		got, ok := ParseStatus([]byte(line))
		require.True(t, ok, line)
		require.Equal(t, want, got, line)
	}
	for _, line := range []string{"", "OK", "+OKAY", "+ ", "-ERROR x", "1 2"} {
		_, ok := ParseStatus([]byte(line))
		require.False(t, ok, line)
	}
	require.Equal(t, "-ERR [AUTH] no??-ERR injected", string(AppendStatus(nil, Status{Code: CodeAuth, Text: "no\r\n-ERR injected"})))
	require.Len(t, AppendStatus(nil, Status{OK: true, Text: string(make([]byte, 1000))}), MaxResponse-2)
}

func TestError(t *testing.T) {
	var err error = &Error{Command: "PASS", Code: CodeInUse, Text: "locked"}
	require.Equal(t, "pop3: PASS refused [IN-USE]: locked", err.Error())
	var e *Error
	require.True(t, errors.As(err, &e) && e.Temporary())
	require.False(t, (&Error{Code: CodeSysPerm}).Temporary())
	require.ErrorIs(t, err, &Error{Code: CodeInUse})
	require.ErrorIs(t, err, &Error{Command: "PASS"})
	require.NotErrorIs(t, err, &Error{Command: "USER", Code: CodeInUse})
	require.NotErrorIs(t, err, &Error{Code: CodeAuth})
	require.NotErrorIs(t, err, &Error{})
	require.ErrorIs(t, &Error{Code: "SYS/TEMP/disk"}, &Error{Code: CodeSysTemp})
	require.True(t, Code("sys/temp/disk").Is(CodeSysTemp))
	require.True(t, Code("SYS/TEMP").Is("SYS"))
	require.False(t, Code("SYSTEM").Is("SYS"))
	require.False(t, Code("SYS").Is(CodeSysTemp))
}

func TestCapabilities(t *testing.T) {
	var list Capabilities
	// RFC 2449 §5.
	for _, line := range []string{"TOP", "user", "SASL CRAM-MD5 KERBEROS_V4", "LOGIN-DELAY 900", "EXPIRE 60 USER", "IMPLEMENTATION Shlemazle-Plotz-v302"} {
		c, ok := ParseCapability([]byte(line))
		require.True(t, ok)
		list = append(list, c)
	}
	_, ok := ParseCapability([]byte("  "))
	require.False(t, ok)
	require.True(t, list.Has("USER"))
	require.True(t, list.Has("SASL", "cram-md5"))
	require.False(t, list.Has("SASL", "PLAIN"))
	require.False(t, list.Has("UIDL"))
	require.Equal(t, 900*time.Second, list.LoginDelay())
	days, ok := list.Expire()
	require.True(t, ok)
	require.Equal(t, 60, days)
	require.Equal(t, "SASL CRAM-MD5 KERBEROS_V4", string(list[2].Append(nil)))
	require.Equal(t, "EXPIRE NEVER", string(ExpireCapability(-1, false).Append(nil)))
	require.Equal(t, "EXPIRE 0 USER", string(ExpireCapability(0, true).Append(nil)))
	require.Equal(t, "LOGIN-DELAY 2", string(LoginDelayCapability(1100*time.Millisecond, false).Append(nil)))
	_, ok = Capabilities{ExpireCapability(-1, true)}.Expire()
	require.False(t, ok)
}

func TestListings(t *testing.T) {
	require.Equal(t, "2 320", string(AppendListing(nil, 2, 320)))
	require.Equal(t, "1 whqtswO00WBw418f9t5JxYwZ", string(AppendUIDListing(nil, 1, "whqtswO00WBw418f9t5JxYwZ")))
	n, size, ok := ParseListing([]byte("2 320 and more"))
	require.True(t, ok && n == 2 && size == 320)
	n, size, ok = ParseListing([]byte(" 3\t 9223372036854775807"))
	require.True(t, ok && n == 3 && size == 1<<63-1)
	for _, line := range []string{"", "1", "x 1", "1 x", "1 -1", "-1 1", "1 9223372036854775808"} {
		_, _, ok := ParseListing([]byte(line))
		require.False(t, ok, line)
	}
	n, id, ok := ParseUIDListing([]byte("2   QhdPYR:00WBw1Ph7x7")) // quirk: three blanks
	require.True(t, ok)
	require.Equal(t, 2, n)
	require.Equal(t, "QhdPYR:00WBw1Ph7x7", id)
	for _, line := range []string{"", "1", "1 ", "x y", "1 \xff"} {
		_, _, ok := ParseUIDListing([]byte(line))
		require.False(t, ok, line)
	}
}

func TestStamp(t *testing.T) {
	for greeting, want := range map[string]string{
		"POP3 server ready <1896.697170952@dbc.mtview.ca.us>":           "<1896.697170952@dbc.mtview.ca.us>",
		"mail.test POP3 ready <F201706231210.AA102635MD1932@mail.test>": "<F201706231210.AA102635MD1932@mail.test>",
		"<a@b> ready":    "<a@b>",
		"<x> <a@b>.":     "<a@b>",
		"Dovecot ready.": "",
		"a <b c@d>":      "",
		"<no at sign>":   "",
		"<nothing>":      "",
		"a@b>":           "",
		"<a@b":           "",
		"":               "",
	} {
		require.Equal(t, want, Stamp(greeting), greeting)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"RETR 1", "TOP 1 2", "AUTH PLAIN AGE=", "+OK <a@b>", "-ERR [SYS/TEMP] x", "1 2", "2   uid", "SASL PLAIN"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		c, err := ParseCommand(line)
		if err == nil && (c.Verb == "" || c.Msg < 0 || c.Lines < 0) {
			t.Fatalf("%q is %+v", line, c)
		}
		Redact(line)
		if s, ok := ParseStatus(line); ok {
			again, ok := ParseStatus(AppendStatus(nil, s))
			if !ok || again.OK != s.OK || again.Code != s.Code {
				t.Fatalf("%+v became %+v", s, again)
			}
			if b := AppendStatus(nil, s); len(b) > MaxResponse {
				t.Fatalf("%d octets", len(b))
			}
		}
		ParseListing(line)
		if _, id, ok := ParseUIDListing(line); ok && !ValidUID(id) {
			t.Fatalf("%q", id)
		}
		ParseCapability(line)
		Stamp(string(line))
	})
}
