package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// counters are what a server counts, without the Bounds that it shares.
type counters struct {
	textproto.Stats
	Bounds *struct{} `json:",omitempty"` // hides that of Stats
}

// metrics is a page with the counters of the servers as JSON: how many connections,
// how much memory and work there is, and what came to one of the bounds.
func metrics(servers map[string]protocolServer, checks *sasl.Checks) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := struct {
			Servers map[string]counters
			Bounds  textproto.BoundsStats
			Checks  sasl.ChecksStats // of passwords
		}{Servers: map[string]counters{}, Checks: checks.Stats()}
		for _, name := range []string{"smtp", "submission", "imap", "pop3"} {
			st := servers[name].Stats()
			page.Servers[name] = counters{Stats: st}
			if st.Bounds != (textproto.BoundsStats{}) { // one that serves
				page.Bounds = st.Bounds
			}
		}
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.Encode(page) // an error is the client's
	})
}

// serveMetrics serves the page on a loopback address until stop is called. Whoever
// may connect to it may read it.
func serveMetrics(addr string, page http.Handler) (stop func(), err error) {
	if host, _, err := net.SplitHostPort(addr); err != nil || !isLoopback(host) {
		return nil, errors.New("want an address such as 127.0.0.1:8025, on loopback")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: page, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Serve(l)
	}()
	return func() {
		srv.Close()
		<-ended
	}, nil
}
