package wire

import (
	"fmt"
	"strconv"
)

// A SyntaxError is input that breaks the grammar.
type SyntaxError struct {
	Problem  string // what is wrong; if empty, see Expected
	Expected string // what the grammar expects
	Near     string // the input from there on, cut to 24 octets; empty at the end of the line
}

func (e *SyntaxError) Error() string {
	switch {
	case e.Problem != "":
		return e.Problem
	case e.Near == "":
		return "expected " + e.Expected + " before end of line"
	}
	return "expected " + e.Expected + " at " + strconv.QuoteToASCII(e.Near)
}

// A LimitError is input past one of the Limits.
type LimitError struct {
	What  string // what exceeds the limit
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: limit is %d", e.What, e.Limit)
}

// A FatalError is input after which the next command can't be found: the
// connection must be closed.
type FatalError struct{ Err error }

func (e *FatalError) Error() string { return e.Err.Error() }
func (e *FatalError) Unwrap() error { return e.Err }
