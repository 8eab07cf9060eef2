package imapclient

import "context"

// Progress says how far a call has come.
type Progress struct {
	Done, Total int64  // octets of bodies, or whatever the server counts; Total is zero if it is not known
	Text        string // what the server says (RFC 9585, or in its own words)
}

type progressKey struct{}

// WithProgress returns a context for calls that report their progress to f, on the
// goroutine of the caller.
func WithProgress(ctx context.Context, f func(Progress)) context.Context {
	return context.WithValue(ctx, progressKey{}, f)
}

// progressOf returns a function that counts octets, nil if nobody listens.
func progressOf(ctx context.Context, total int64) func(int64) {
	f, ok := ctx.Value(progressKey{}).(func(Progress))
	if !ok || f == nil {
		return nil
	}
	p := Progress{Total: total}
	return func(n int64) {
		p.Done += n
		f(p)
	}
}
