package smtpclient_test

import (
	"context"
	"net"
	"strings"
	"sync"

	"github.com/posthorn-mail/posthorn/textproto"
)

// portDialer dials an address whatever is asked for.
type portDialer string

func (d portDialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, string(d))
}

func tracer(mu *sync.Mutex, b *strings.Builder) textproto.Tracer {
	return func(e textproto.Event) {
		mu.Lock()
		defer mu.Unlock()
		b.WriteString(e.Dir.String() + " " + string(e.Line) + "\n")
	}
}
