// Package terminal talks to the user of the examples.
package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/term"
)

// Clean returns a text from a message, or from a server, so that it can be
// printed in one line: control characters, by which it could do things to a
// terminal, and those that change the direction of what follows become "�".
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// Shorten cuts a text to at most n characters.
func Shorten(s string, n int) string {
	count := 0
	for i := range s {
		if count == n-1 && len(s[i:]) > len(string([]rune(s[i:])[0])) {
			return s[:i] + "…"
		}
		count++
	}
	return s
}

// Is reports whether w is a terminal.
func Is(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns the terminal has.
func Width(w any) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 20 {
			return n
		}
	}
	return 80
}

// stdin is read line by line, by one at a time.
var stdin = struct {
	sync.Mutex
	lines *bufio.Reader
}{lines: bufio.NewReader(os.Stdin)}

// Secret asks for a password or a token, which the terminal does not show. If
// standard input is no terminal, it is a line of it.
func Secret(prompt string) (string, error) {
	stdin.Lock()
	defer stdin.Unlock()
	if !Is(os.Stdin) {
		return readLine(prompt)
	}
	fmt.Fprintf(os.Stderr, "%s: ", prompt)
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", fmt.Errorf("%s: %w", prompt, err)
	}
	return string(b), nil
}

// ErrNotAsked says that there is no terminal to ask the user at.
var ErrNotAsked = errors.New("there is no terminal to ask at")

// Confirm asks a question. Without a terminal the error is ErrNotAsked.
func Confirm(question string) (bool, error) {
	stdin.Lock()
	defer stdin.Unlock()
	if !Is(os.Stdin) || !Is(os.Stderr) {
		return false, ErrNotAsked
	}
	fmt.Fprintf(os.Stderr, "%s [y/N] ", question)
	answer, err := readLine("the answer")
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y"), err
}

func readLine(what string) (string, error) {
	line, err := stdin.lines.ReadString('\n')
	if err == io.EOF && line == "" {
		return "", fmt.Errorf("%s: standard input has no line for it", what)
	} else if err != nil && err != io.EOF {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
