package testutil

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Main runs the tests of a package, for its TestMain, and fails if they leave
// goroutines behind.
func Main(m *testing.M) {
	code := m.Run()
	if code != 0 {
		os.Exit(code)
	}
	if left := leaked(nil); left != "" {
		fmt.Fprintln(os.Stderr, "goroutines are left:\n"+left)
		os.Exit(1)
	}
}

// NoLeaks fails the test if goroutines that began after this call are left when
// it ends. The call is to come before those that register the clean-up.
func NoLeaks(t testing.TB) {
	before := goroutines()
	t.Cleanup(func() {
		if left := leaked(before); left != "" {
			t.Error("goroutines are left:\n" + left)
		}
	})
}

// leaked returns the stacks of goroutines that were not there before, after
// having given them three seconds to end.
func leaked(before map[string]string) string {
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		now := goroutines()
		maps.DeleteFunc(now, func(id, _ string) bool { return before[id] != "" })
		if len(now) == 0 || time.Now().After(end) {
			return strings.Join(slices.Collect(maps.Values(now)), "\n\n")
		}
	}
}

// goroutines returns the stacks of those that the module's code has started or
// runs in, without those of tests, by the number of the goroutine.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	found := map[string]string{}
	for _, g := range stacks[1:] { // the first is this one
		id, _, _ := strings.Cut(g, " [")
		if strings.Contains(g, "posthorn-mail/posthorn/") && !strings.Contains(g, "testing.tRunner(") && id != "goroutine 1" {
			found[id] = g
		}
	}
	return found
}
