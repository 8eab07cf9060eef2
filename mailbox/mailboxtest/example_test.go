package mailboxtest_test

import (
	"testing"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

// A store's whole conformance test. Options would tell how to open it again,
// and with limits, so that these are checked too.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestStore(t *testing.T) {
		mailboxtest.Run(t, func(t testing.TB) mailbox.Store {
			s := memory.New(nil)
			t.Cleanup(func() { s.Close() })
			return s
		}, nil)
	}
}
