package search_test

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A search program is a tree: unseen messages from one sender, or large ones.
func ExampleKey() {
	var key search.Key = search.Or{
		A: search.And{
			search.Flag{Flag: mailbox.FlagSeen, Absent: true},
			search.Header{Field: "From", Value: "smith"},
		},
		B: search.Size{Larger: true, N: 1 << 20},
	}
	switch k := key.(type) {
	case search.Or:
		fmt.Printf("%T, or %T\n", k.A, k.B)
	}
	// Output: search.And, or search.Size
}
