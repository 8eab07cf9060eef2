package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestUIDBatches(t *testing.T) {
	for line, want := range map[string]*imap.UIDBatches{
		"UIDBATCHES 2000":       {Size: 2000},
		"UIDBATCHES 2000 10:20": {Size: 2000, First: 10, Last: 20},
		"UIDBATCHES":            nil, "UIDBATCHES 0": nil, "UIDBATCHES 500 10": nil, "UIDBATCHES 500 0:1": nil, "UIDBATCHES 500 1:*": nil,
	} {
		got, err := parseOne(t, line)
		if want == nil {
			require.Error(t, err, line)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, got)
		writeAndReadBack(t, got)
	}
	for line, want := range map[string]*imap.UIDBatchesData{
		`* UIDBATCHES (TAG "A143") 215295:99696,99695:20351,20350:7830,7829:1`: {
			Tag: "A143", Batches: []mailbox.UIDRange{{First: 99696, Last: 215295}, {First: 20351, Last: 99695}, {First: 7830, Last: 20350}, {First: 1, Last: 7829}}},
		`* UIDBATCHES (TAG "A143")`:   {Tag: "A143"},
		`* UIDBATCHES (TAG A1) 7`:     {Tag: "A1", Batches: []mailbox.UIDRange{{First: 7, Last: 7}}},
		`* UIDBATCHES (TAG A1) 7:*`:   nil,
		`* UIDBATCHES (TAG A1) $`:     nil,
		`* UIDBATCHES 7:1`:            nil,
		`* UIDBATCHES (TAG A1) 7:1 x`: nil,
	} {
		got, err := readOne(t, line)
		if want == nil {
			require.Error(t, err, line)
			continue
		}
		require.NoError(t, err, line)
		require.Equal(t, want, got)
	}
}
