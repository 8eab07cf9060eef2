package imap

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestUTF7(t *testing.T) {
	for _, tc := range []struct{ raw, name string }{
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"}, // RFC 3501 §5.1.3
		{"INBOX", "INBOX"},
		{"&-", "&"},
		{"a&-b&-", "a&b&"},
		{"Entw&APw-rfe", "Entwürfe"},
		{"&BBAEMQQy-&-&BDMENAQ1-", "Абв&где"},
		{"&2D3eAA-", "😀"},
		{"&AAA-", "\x00"},
		{"&AAk-", "\t"},
		{"", ""},
	} {
		got, err := DecodeUTF7(tc.raw)
		require.NoError(t, err)
		require.Equal(t, tc.name, got)
		require.Equal(t, tc.raw, EncodeUTF7(tc.name))
	}
	for raw, name := range map[string]string{ // invalid, but unambiguous
		"&BBAEMQQyACYEMwQ0BDU-": "Абв&где", // Yandex
		"&AGE-":                 "a",
		"&APw-&APw-":            "üü",
		"Entwürfe":              "Entwürfe",
	} {
		got, err := DecodeUTF7(raw)
		require.NoError(t, err)
		require.Equal(t, name, got)
	}
	for _, raw := range []string{"&", "a&b", "&A-", "&AA-", "&AB-", "&APx-", "&2D0-", "&3gA-", "&2D0AQQ-", "&AP w-", "&AP/-", "&é-", "\xff", "&-\xff"} {
		_, err := DecodeUTF7(raw)
		require.Error(t, err, raw)
		require.Equal(t, raw, DecodeMailbox(raw, false))
	}
}

func TestDecodeMailbox(t *testing.T) {
	require.Equal(t, "INBOX", DecodeMailbox("inBox", false))
	require.Equal(t, "INBOX", DecodeMailbox("inbox", true))
	require.Equal(t, "&APw-", DecodeMailbox("&APw-", true))
	require.Equal(t, "ü", DecodeMailbox("&APw-", false))
	require.Equal(t, "inboxes", DecodeMailbox("inboxes", false))
}

func FuzzUTF7(f *testing.F) {
	f.Add("台北&x")
	f.Add("&U,BTFw-&-")
	f.Add("\xff&\xed\xa0\x80-")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := DecodeUTF7(s); err == nil {
			require.True(t, utf8.ValidString(d))
		}
		enc := EncodeUTF7(s)
		for i := 0; i < len(enc); i++ {
			require.True(t, enc[i] >= ' ' && enc[i] < 0x7f)
		}
		d, err := DecodeUTF7(enc)
		require.NoError(t, err)
		require.Equal(t, strings.ToValidUTF8(s, "\ufffd") == s, d == s)
	})
}
