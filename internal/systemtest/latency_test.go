package systemtest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// TestLatency measures what clients wait that send a command in several small
// writes, with this server and with Dovecot in one run, in milliseconds a command:
//
//	LATENCY=1 go test ./internal/systemtest -run TestLatency -v
//
// MAILSERVER_BEFORE names another build of examples/mailserver to compare with.
func TestLatency(t *testing.T) {
	if os.Getenv("LATENCY") == "" {
		t.Skip("a comparison of speed: LATENCY is not set")
	}
	dovecot := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{NoSync: true})
	type candidate struct {
		name       string
		ports      map[string]int
		alice, bob peers.IMAPAccount
	}
	candidates := []candidate{{"dovecot", dovecot.Ports, dovecot.Account(peers.Alice, nil), dovecot.Account(peers.Bob, nil)}}
	add := func(name string, s *server) {
		candidates = append(candidates, candidate{name, s.ports,
			peers.IMAPAccount{Addr: s.addr("imap"), User: alice, Password: alicePassword},
			peers.IMAPAccount{Addr: s.addr("imap"), User: bob, Password: bobPassword}})
	}
	if program := os.Getenv("MAILSERVER_BEFORE"); program != "" {
		add("before", startProgram(t, program))
	}
	add("posthorn", start(t))
	ruby, python := need(t, "ruby", "ruby"), need(t, "python3", "python3")
	for i := range 2 { // the first run warms up
		for _, c := range candidates {
			imap, smtp := strconv.Itoa(c.ports["imap"]), strconv.Itoa(c.ports["smtp"])
			out := output(t, exec.Command(ruby, "testdata/latency.rb", imap, c.bob.User, c.bob.Password))
			out += output(t, exec.Command(python, "testdata/latency.py", imap, smtp, c.bob.User, c.bob.Password))
			for line := range strings.Lines(out) {
				what, ms, _ := strings.Cut(strings.TrimSpace(line), "\t")
				t.Logf("%-10s %-36s %9s ms", c.name, what, ms)
			}
			box := fmt.Sprint("box", i)
			far := peers.DialIMAP(t, c.alice.Addr, c.alice.User, c.alice.Password)
			far.Do("CREATE " + box)
			fill(far, box, 0, 500)
			sync := peers.NewMbsync(t, c.alice, c.bob, "All", box)
			t.Logf("%-10s %-36s %9d ms", c.name, "mbsync of 500 messages", sync.Run().Milliseconds())
			t.Logf("%-10s %-36s %9d ms", c.name, "mbsync of nothing", sync.Run().Milliseconds())
		}
	}
}
