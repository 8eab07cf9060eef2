package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
)

// A progress shows how far the copying is: a bar that is drawn anew on a terminal,
// a line now and then elsewhere.
type progress struct {
	mu       sync.Mutex // guards what follows
	out      io.Writer
	terminal bool
	drawn    bool // the bar is on the screen
	begin    time.Time
	octets   int64
	done     int            // messages
	expected map[string]int // by mailbox
	flags    int
	removed  int
	recent   []sample // of the last while, for the rate
}

type sample struct {
	at   time.Time
	done int
}

func newProgress(out io.Writer, quiet bool) *progress {
	return &progress{out: out, terminal: terminal.Is(out) && !quiet, begin: time.Now(), expected: map[string]int{}}
}

// watch shows the progress until stop is called.
func (p *progress) watch() (stop func()) {
	every := 10 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	ended, tick := make(chan struct{}), time.NewTicker(every)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				p.show(now)
			case <-ended:
				return
			}
		}
	})
	return func() {
		close(ended)
		wg.Wait()
		p.clear()
	}
}

func (p *progress) show(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent = append(p.recent, sample{now, p.done})
	for len(p.recent) > 2 && now.Sub(p.recent[0].at) > 15*time.Second {
		p.recent = p.recent[1:]
	}
	line := p.line(now)
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		return
	}
	const width = 24
	full := 0
	if total := p.total(); total > 0 {
		full = min(width*p.done/total, width)
	}
	bar := "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] " + line
	fmt.Fprint(p.out, "\r\x1b[K"+terminal.Shorten(bar, terminal.Width(p.out)-1))
	p.drawn = true
}

func (p *progress) total() int {
	n := 0
	for _, m := range p.expected {
		n += m
	}
	return max(n, p.done)
}

// line says how many messages of how many, the rate and the remaining time, by the
// last quarter of a minute.
func (p *progress) line(now time.Time) string {
	total := p.total()
	percent := 100
	if total > 0 {
		percent = 100 * p.done / total
	}
	line := fmt.Sprintf("%d %%, %d of %d messages, %s", percent, p.done, total, size(p.octets))
	from := sample{at: p.begin}
	if len(p.recent) > 1 {
		from = p.recent[0]
	}
	if seconds := now.Sub(from.at).Seconds(); seconds > 0 && p.done > from.done {
		rate := float64(p.done-from.done) / seconds
		left := time.Duration(float64(total-p.done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %.0f/s, %v left", rate, left.Round(time.Second))
	}
	return line
}

func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d KB", (n+1023)>>10)
}

// clear takes the bar off the screen, so that something else can be printed.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearLocked()
}

func (p *progress) clearLocked() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// result prints a line about a mailbox. planned are messages that a dry run does
// not copy.
func (p *progress) result(planned int, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearLocked()
	p.done += planned
	fmt.Fprintln(p.out, line)
}

func (p *progress) expect(name string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected[name] = n
}

// planned says how many messages of a mailbox are to be copied, now that it is
// known.
func (p *progress) planned(name string, n int) { p.expect(name, n) }

func (p *progress) add(messages int, octets int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += messages
	p.octets += octets
}

func (p *progress) flagged(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flags += n
}

func (p *progress) deleted(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removed += n
}

// summary is the last line.
func (p *progress) summary() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := time.Since(p.begin)
	return fmt.Sprintf("%d messages copied, %s, in %.1f s, %.0f messages/s; flags of %d changed, %d deleted",
		p.done, size(p.octets), took.Seconds(), float64(p.done)/took.Seconds(), p.flags, p.removed)
}
