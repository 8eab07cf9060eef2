package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	attackServer   = flag.String("attack.server", "", "the `program` that is attacked (default: examples/mailserver)")
	attackOnly     = flag.String("attack.only", "", "the `names` of attacks, with commas between them; none and all are names, too (default: none, each alone, and all at once)")
	attackTime     = flag.Duration("attack.time", 0, "how long each attack lasts (default: 1s, and short accounts)")
	attackMessages = flag.Int("attack.messages", 20_000, "how many messages the accounts of attackers have")
	attackQuota    = flag.String("attack.quota", "1G", "the quota of all accounts")
	attackEvery    = flag.Duration("attack.every", 20*time.Millisecond, "how long an honest client waits between two commands")
	attackRSS      = flag.Int64("attack.rss", 4096, "the `MiB` of memory at which an attack is ended, so that the machine stays usable")
	attackNet      = flag.String("attack.net", "127.9", "the first two `octets` of the addresses that clients come from")
	attackSpread   = flag.Bool("attack.spread", false, "each connection of an attack comes from an address of its own")
	attackTable    = flag.String("attack.table", "", "the `file` that the table is written to as well")
)

const attackPassword = "sesame"

// TestAttacks lets each attack loose on a server while ten honest clients work,
// and then all of them at once. The clients must notice nothing that can be
// counted: no error, and an answer to each command. How long they wait is
// printed, in milliseconds (median/99 of 100/longest), with the memory, processor
// and disk that the server took, and what the attackers were told:
//
//	go test ./internal/systemtest -run TestAttacks -v -timeout 1h -attack.time 10s
//
// Two versions are compared by means of -attack.server, for instance with what
// this leaves in /tmp/before:
//
//	git worktree add /tmp/tree COMMIT && (cd /tmp/tree/examples && go build -o /tmp/before ./mailserver)
//
// Limits that count by client network don't count loopback addresses. Where a
// user may make namespaces, this has clients come from others:
//
//	unshare -rn sh -c 'ip link set lo up; ip addr add 198.18.0.0/16 dev lo; go test ... -attack.net 198.18'
func TestAttacks(t *testing.T) {
	program := *attackServer
	if program == "" {
		program = mailserver(t)
	}
	program, err := filepath.Abs(program)
	require.NoError(t, err)
	b := &battle{t: t, size: sizes{*attackMessages, 9900, 9900}, time: *attackTime, prepared: map[string]bool{}}
	if b.time == 0 {
		b.size, b.time = sizes{2000, 200, 200}, time.Second
	}
	b.start(program)
	b.open()
	defer b.print()
	names := []string{"none"}
	for _, a := range attacks {
		names = append(names, a.name)
	}
	rounds := append(slices.Clone(names), "all")
	switch {
	case *attackOnly != "":
		rounds = strings.Split(*attackOnly, ",")
	case testing.Short():
		rounds = []string{"all"}
	}
	for _, round := range rounds {
		list := []string{round}
		switch round {
		case "all":
			list = names[1:]
		case "none":
			list = nil
		default:
			require.Contains(t, names, round)
		}
		t.Run(round, func(t *testing.T) { b.fight(t, round, list) })
	}
}

// TestAttacker is the process of the attackers: it is another one, so that
// neither its memory nor its goroutines are in the way of the honest clients.
func TestAttacker(t *testing.T) {
	order := os.Getenv("ATTACKER")
	if order == "" {
		t.Skip("it is started by TestAttacks")
	}
	// What attackers compute, they do elsewhere.
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, 5)
	var p attacking
	require.NoError(t, json.Unmarshal([]byte(order), &p))
	ctx, cancel := context.WithTimeout(context.Background(), p.For)
	defer cancel()
	told := map[string]map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for k, a := range attacks {
		if slices.Contains(p.Names, a.name) {
			wg.Go(func() {
				m := a.attack(ctx, &p, k)
				mu.Lock()
				defer mu.Unlock()
				told[a.name] = m
			})
		}
	}
	wg.Wait()
	out, err := json.Marshal(told)
	require.NoError(t, err)
	fmt.Printf("told %s\n", out)
}

// sources are the addresses that clients come from.
type sources struct {
	Prefix string
	Spread bool
}

func (s sources) loopback() bool { return strings.HasPrefix(s.Prefix, "127.") }
func (s sources) server() string {
	if s.loopback() {
		return "127.0.0.1"
	}
	return s.Prefix + ".0.1"
}
func (s sources) honest(i int) string { return fmt.Sprintf("%s.%d.1", s.Prefix, 100+i) }
func (s sources) attacker(k, n int) string {
	if !s.Spread {
		n = 0
	}
	return fmt.Sprintf("%s.%d.%d", s.Prefix, 1+k, 1+n%250)
}

// battle is a server, its honest clients and its attackers.
type battle struct {
	t        *testing.T
	s        *server
	net      sources
	size     sizes
	time     time.Duration
	prepared map[string]bool // attacks whose accounts are filled
	rows     []row
}

// row is what came of a round.
type row struct {
	name           string
	h              *honest
	rss, disk      int64         // octets
	cpu, afterward time.Duration // of the server: during the attack, and in the second after it
	took           time.Duration
	told           map[string]map[string]int
	note           string
}

func (b *battle) start(program string) {
	b.net = sources{Prefix: *attackNet, Spread: *attackSpread}
	b.s = &server{t: b.t, program: program, dir: b.t.TempDir(), ports: freePorts(b.t, "smtp", "submission", "smtps", "imap", "imaps", "pop3", "pop3s")}
	b.s.args = []string{"-data", filepath.Join(b.s.dir, "data"), "-quota", *attackQuota, "-listen", b.net.server(), "-insecure-auth"}
	for i := range honestClients {
		b.s.args = append(b.s.args, "-user", honestName(i)+":"+attackPassword)
	}
	for _, a := range attacks {
		b.s.args = append(b.s.args, "-user", a.user()+":"+attackPassword)
	}
	for name, port := range b.s.ports {
		b.s.args = append(b.s.args, "-"+name, strconv.Itoa(port))
	}
	b.s.run()
}

func (b *battle) addrs() map[string]string {
	addrs := map[string]string{}
	for name, port := range b.s.ports {
		addrs[name] = net.JoinHostPort(b.net.server(), strconv.Itoa(port))
	}
	return addrs
}

// login is a session for what comes before a round.
func (b *battle) login(user string) (*link, error) {
	l, _, err := dialLink(context.Background(), "", b.addrs()["imap"])
	if err != nil {
		return nil, err
	}
	b.t.Cleanup(func() { l.Close() })
	if err := l.ok("LOGIN " + user + " " + attackPassword); err != nil {
		return nil, err
	}
	return l, l.ok("SELECT INBOX")
}

// open gives each honest client a message to read.
func (b *battle) open() {
	for i := range honestClients {
		l, err := b.login(honestName(i))
		require.NoError(b.t, err)
		require.NoError(b.t, l.ok(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(honestMessage), honestMessage)))
		l.Close()
	}
}

// fight is a round, on a server that has just been started.
func (b *battle) fight(t *testing.T, name string, names []string) {
	for _, a := range attacks {
		if slices.Contains(names, a.name) && !b.prepared[a.name] && a.setup != nil {
			p := &prey{b.size, func() (*link, error) { return b.login(a.user()) }}
			require.NoError(t, a.setup(p), "%s: filling the account", a.name)
			b.prepared[a.name] = true
		}
	}
	b.s.kill()
	b.s.run()

	h := &honest{net: b.net, ports: b.addrs(), every: *attackEvery}
	working, rest := context.WithCancel(context.Background())
	defer rest()
	rested := make(chan struct{})
	go func() {
		h.run(working)
		close(rested)
	}()
	time.Sleep(500 * time.Millisecond) // they log in
	h.begin()
	pid := b.s.cmd.Process.Pid
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // VmHWM starts again
	r := row{name: name, h: h}
	disk, cpu, began := b.disk(), processorTime(pid), time.Now()
	r.told, r.note = b.attackers(names)
	r.cpu, r.took = processorTime(pid)-cpu, time.Since(began)
	rest()
	<-rested
	select {
	case <-b.s.done:
		r.note += " THE SERVER HAS ENDED"
		t.Errorf("the server has ended: %s", tail(b.s.log(), 2000))
		b.s.run()
	default:
		r.rss = b.s.peakMemory()
		cpu = processorTime(pid)
		time.Sleep(time.Second)
		r.afterward = processorTime(pid) - cpu
	}
	r.disk = b.disk() - disk
	b.rows = append(b.rows, r)
	if h.errors > 0 {
		t.Errorf("%d errors of honest clients: %v", h.errors, h.first)
	}
	if os.Getenv("MAILSERVER_RACE") == "" && r.rss > 512<<20 {
		t.Errorf("the server took %d MiB", r.rss>>20)
	}
	if r.note != "" {
		t.Error(r.note)
	}
}

// attackers runs the process of the attackers, and ends it when the server takes
// too much memory.
func (b *battle) attackers(names []string) (told map[string]map[string]int, note string) {
	if names == nil {
		time.Sleep(b.time)
		return nil, ""
	}
	order, err := json.Marshal(attacking{Names: names, Addrs: b.addrs(), Net: b.net, For: b.time})
	require.NoError(b.t, err)
	cmd := exec.Command(os.Args[0], "-test.run=^TestAttacker$", "-test.v")
	cmd.Env = append(os.Environ(), "ATTACKER="+string(order))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(b.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-ended:
			for line := range strings.Lines(out.String()) {
				if result, ok := strings.CutPrefix(line, "told "); ok {
					require.NoError(b.t, json.Unmarshal([]byte(result), &told))
					return told, note
				}
			}
			if note == "" {
				note = "the attackers have ended: " + tail(out.String(), 1000)
			}
			return nil, note
		case <-b.s.done:
			cmd.Process.Kill()
		case <-tick.C:
			if rss := statusOf(b.s.cmd.Process.Pid, "VmRSS"); rss > *attackRSS<<20 && note == "" {
				note = fmt.Sprintf("ended after %v: memory", time.Since(began).Round(100*time.Millisecond))
				cmd.Process.Kill()
			}
		}
	}
}

// disk is how much the folder of the server holds.
func (b *battle) disk() (size int64) {
	filepath.WalkDir(filepath.Join(b.s.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// statusOf reads a value of a process's /proc/PID/status, in octets.
func statusOf(pid int, name string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// processorTime is how long a process has computed.
func processorTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// print is the table.
func (b *battle) print() {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "attack\tall p50/p99/max\t%s\terrors\tRSS MiB\tCPU %%\tafter %%\tdisk MiB\t\n", strings.Join(honestKinds, "\t"))
	for _, r := range b.rows {
		fmt.Fprintf(w, "%s\t%v\t", r.name, r.h.latencies(honestKinds...))
		for _, kind := range honestKinds {
			fmt.Fprintf(w, "%v\t", r.h.latencies(kind))
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%s\n", r.h.errors, r.rss>>20, int(100*r.cpu/r.took), int(100*r.afterward/time.Second), r.disk>>20, r.note)
	}
	w.Flush()
	out.WriteString("\nWhat the attackers were told:\n")
	for _, r := range b.rows {
		for _, a := range attacks {
			if m, ok := r.told[a.name]; ok {
				fmt.Fprintf(&out, "  %-4s %-16s %s\n", map[bool]string{true: "all"}[r.name == "all"], a.name, most(m))
			}
		}
		if r.h.first != nil {
			fmt.Fprintf(&out, "  %-4s %-16s first error of an honest client: %v\n", "", r.name, r.h.first)
		}
	}
	if b.t.Failed() || testing.Verbose() {
		b.t.Log("\n" + out.String())
	}
	if *attackTable != "" {
		require.NoError(b.t, os.WriteFile(*attackTable, []byte(out.String()), 0o644))
	}
}

// most are the answers that were given most.
func most(told map[string]int) string {
	var keys []string
	for key := range told {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return told[b] - told[a] })
	if len(keys) == 0 {
		return "no answer"
	}
	var parts []string
	for _, key := range keys[:min(len(keys), 4)] {
		parts = append(parts, fmt.Sprintf("%d × %s", told[key], key))
	}
	return strings.Join(parts, "; ")
}

var number = regexp.MustCompile(`[0-9]{4,}|<[^>]*>`)

// shorten makes answers alike that differ in numbers only.
func shorten(text string) string {
	text = number.ReplaceAllString(text, "…")
	if len(text) > 90 {
		text = text[:90] + "…"
	}
	return text
}

// reason is a short name of what ended a connection.
func reason(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF):
		return "closed"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return err.Error()
}
