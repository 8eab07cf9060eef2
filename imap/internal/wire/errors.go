package wire

import (
	"fmt"
	"strconv"
)

// A SyntaxError is input that breaks the grammar.
type SyntaxError struct {
	Problem  string // what is wrong; if empty, the rest tells
	Expected string // what the grammar wants
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
	What  string // what there is too much of
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: limit is %d", e.What, e.Limit)
}

// A FatalError is input after which the connection is not in step: it must be
// closed.
type FatalError struct{ Err error }

func (e *FatalError) Error() string { return e.Err.Error() }
func (e *FatalError) Unwrap() error { return e.Err }
