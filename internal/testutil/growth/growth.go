// Package growth finds parsers whose work or memory grows faster than their input,
// by counting and without regard to time.
//
// It builds the test of a package a second time, from sources in which every
// function and every turn of a loop adds to a counter, and calls of the standard
// library that search or copy add the octets that they look at: see instrument and
// package count. So no hook stands in the code itself. What is not seen are
// comparisons of whole strings by ==, lookups in maps, and code outside the module,
// as in golang.org/x/text; conversions that allocate are seen as memory.
package growth

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/testutil/growth/count"
)

// A Parser is what is examined.
type Parser struct {
	Name string

	// The input is Prefix, a pattern as often as it takes, and Suffix.
	Prefix, Suffix string

	// Alphabet has the characters that are special to the parser. Every word of
	// one to three of them is a pattern, of one and two with -short, and is
	// repeated to 32 KiB.
	Alphabet string

	// Patterns are further patterns, which are also repeated to 1 MiB, 64 KiB with
	// -short. Of "a…b", first a is repeated and then b as
	// often. "№" is a number that differs each time.
	Patterns []string

	// Steps is how many steps an octet of input may take, and Octets how many
	// octets may be allocated for it. Zero: 100, and 100.
	Steps, Octets int

	Parse func(input string)
}

// slack is what an input may take beside what its octets take: tables, and first
// buffers.
const slack = 64 << 10

// child is the environment variable that is set for the instrumented test.
const child = "POSTHORN_GROWTH"

// Test examines the parsers of the package under test, which has to be in the
// current folder. It is to be the only thing that a test does.
func Test(t *testing.T, parsers []Parser) {
	if os.Getenv(child) == "" {
		args := []string{"test", "-overlay", overlay(t), "-vet=off", "-count=1", "-timeout=20m", "-run=^" + t.Name() + "$"}
		if testing.Short() {
			args = append(args, "-short")
		}
		cmd := exec.Command("go", append(args, ".")...)
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for _, p := range parsers {
		t.Run(p.Name, func(t *testing.T) {
			if p.Steps == 0 {
				p.Steps = 100
			}
			if p.Octets == 0 {
				p.Octets = 100
			}
			p.examine(t)
		})
	}
}

func (p *Parser) examine(t *testing.T) {
	words, few, many := 3, 64<<10, 1<<20
	if testing.Short() {
		words, few, many = 2, 16<<10, 64<<10
	}
	p.measure("", 4096) // fills what is filled once
	bad := 0
	check := func(pattern string, small, large int) bool {
		err := p.check(pattern, small, large)
		if err == nil {
			return true
		}
		t.Error(err)
		if bad++; bad == 10 {
			t.Fatal("and so on")
		}
		return false
	}
	for pattern := range p.words(words) {
		check(pattern, 4<<10, 32<<10)
	}
	for _, pattern := range p.Patterns {
		if check(pattern, 4<<10, 32<<10) {
			check(pattern, few, many)
		}
	}
}

// words yields the words of one to n characters.
func (p *Parser) words(n int) func(yield func(string) bool) {
	var alphabet []string
	for _, r := range p.Alphabet {
		alphabet = append(alphabet, string(r))
	}
	return func(yield func(string) bool) {
		last := []string{""}
		for range n {
			var next []string
			for _, w := range last {
				for _, c := range alphabet {
					next = append(next, w+c)
				}
			}
			for _, w := range next {
				if !yield(w) {
					return
				}
			}
			last = next
		}
	}
}

// Repeat returns a pattern, as those of a Parser, of about n octets between prefix and
// suffix.
func Repeat(prefix, pattern string, n int, suffix string) string {
	open, end, _ := strings.Cut(pattern, "…")
	times := n / max(1, len(open)+len(end))
	return prefix + repeat(open, times) + repeat(end, times) + suffix
}

// Allocated returns how many octets f allocates.
func Allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func repeat(s string, times int) string {
	if !strings.Contains(s, "№") {
		return strings.Repeat(s, times)
	}
	var b strings.Builder
	for i := range times {
		b.WriteString(strings.ReplaceAll(s, "№", strconv.Itoa(i)))
	}
	return b.String()
}

// check compares inputs of about small and large octets.
func (p *Parser) check(pattern string, small, large int) error {
	steps, octets, n := p.measure(pattern, large)
	switch few, _, m := p.measure(pattern, small); {
	case few > slack+int64(p.Steps)*int64(m):
		return fmt.Errorf("%q: %d steps for %d octets", pattern, few, m)
	case steps > slack+int64(p.Steps)*int64(n):
		return fmt.Errorf("%q: %d steps for %d octets", pattern, steps, n)
	// Half as much again as what is linear, for limits that are met only by one of
	// the two.
	case steps > slack+few*int64(n)/int64(m)*3/2:
		return fmt.Errorf("%q: %d steps for %d octets, %d for %d", pattern, few, m, steps, n)
	case octets > slack+int64(p.Octets)*int64(n):
		return fmt.Errorf("%q: %d octets allocated for %d", pattern, octets, n)
	}
	return nil
}

// measure returns what an input of about n octets takes, and its length.
func (p *Parser) measure(pattern string, n int) (steps, octets int64, length int) {
	in := Repeat(p.Prefix, pattern, n, p.Suffix)
	octets = Allocated(func() {
		steps = count.Steps
		p.Parse(in)
		steps = count.Steps - steps
	})
	return steps, octets, len(in)
}
