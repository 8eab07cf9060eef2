package imap_test

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func ExampleError() {
	err := fmt.Errorf("storing the draft: %w", &imap.Error{
		Status: imap.NO, Code: imap.CodeTryCreate, Text: "no such mailbox",
	})

	var e *imap.Error
	if errors.As(err, &e) && e.Code == imap.CodeTryCreate {
		fmt.Println("create it, then try again:", e.Text)
	}
	fmt.Println(errors.Is(err, &imap.Error{Code: imap.CodeTryCreate}))
	// Output:
	// create it, then try again: no such mailbox
	// true
}

func ExampleNumSet() {
	set := imap.NumSetOf(imap.NumRange{First: 2, Last: 4}, imap.NumRange{First: 9, Last: imap.Star})
	fmt.Println(set)

	// What it means depends on the mailbox.
	fmt.Println(set.UIDs(mailbox.UID(12)))
	seqs, ok := set.Seqs(3)
	fmt.Println(seqs, ok)
	// Output:
	// 2:4,9:*
	// 2:4,9:12
	//  false
}

func ExampleCapSet() {
	caps := imap.NewCapSet(imap.CapIMAP4rev1, imap.CapIdle, "AUTH=PLAIN", "AUTH=SCRAM-SHA-256", "APPENDLIMIT=35651584")
	limit, _ := caps.Value("APPENDLIMIT")
	fmt.Println(caps.Has(imap.CapIdle), caps.Mechanisms(), limit)
	fmt.Println(caps.Without(imap.CapIdle))
	// Output:
	// true [PLAIN SCRAM-SHA-256] 35651584
	// IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-256 APPENDLIMIT=35651584
}

func ExampleDecodeMailbox() {
	fmt.Println(imap.DecodeMailbox("Entw&APw-rfe", false))
	fmt.Println(imap.DecodeMailbox("inbox", false))
	fmt.Println(imap.EncodeUTF7("Entwürfe & mehr"))
	// Output:
	// Entwürfe
	// INBOX
	// Entw&APw-rfe &- mehr
}
