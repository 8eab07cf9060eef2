package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	netsmtp "net/smtp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// discard is a Backend that throws away what it gets.
type discard struct{}

func (discard) NewSession(context.Context, *smtpserver.Conn) (smtpserver.Session, error) {
	return discard{}, nil
}
func (discard) Mail(context.Context, smtp.Address, *smtp.MailOptions) error { return nil }
func (discard) Rcpt(context.Context, smtp.Address, *smtp.RcptOptions) error { return nil }
func (discard) Data(_ context.Context, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
func (discard) Reset(context.Context) {}
func (discard) Close() error          { return nil }

// smtpServers are the servers under test, by name. Each function starts one
// and returns its address.
var smtpServers = []struct {
	name  string
	start func(tb testing.TB) string
}{
	{"posthorn", func(tb testing.TB) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(tb, err)
		srv := &smtpserver.Server{Backend: discard{}, Hostname: "mx.test", Limits: smtpserver.Limits{Message: 1 << 30}}
		srv.Logger = slog.New(slog.DiscardHandler)
		go srv.Serve(l)
		tb.Cleanup(func() { srv.Close() })
		return l.Addr().String()
	}},
	{"go-smtp", func(tb testing.TB) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(tb, err)
		srv := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return sink{}, nil }))
		go srv.Serve(l)
		tb.Cleanup(func() { srv.Close() })
		return l.Addr().String()
	}},
}

// rawSMTP is a client of almost no cost, so that the server is measured.
type rawSMTP struct {
	tb  testing.TB
	c   net.Conn
	buf []byte
}

func dialRaw(tb testing.TB, addr string) *rawSMTP {
	c, err := net.Dial("tcp", addr)
	require.NoError(tb, err)
	tb.Cleanup(func() { c.Close() })
	r := &rawSMTP{tb: tb, c: c, buf: make([]byte, 4096)}
	r.replies(1)
	r.send([]byte("EHLO client.test\r\n"))
	r.replies(1)
	return r
}

func (r *rawSMTP) send(b []byte) {
	if _, err := r.c.Write(b); err != nil {
		r.tb.Error(err)
	}
}

// replies reads that many replies; lines of a reply but its last have a hyphen.
func (r *rawSMTP) replies(n int) {
	have := 0
	for n > 0 {
		m, err := r.c.Read(r.buf[have:])
		if err != nil {
			r.tb.Error(err)
			return
		}
		have += m
		for {
			i := bytes.IndexByte(r.buf[:have], '\n')
			if i < 0 {
				break
			}
			if r.buf[0] > '3' {
				r.tb.Errorf("refused: %s", r.buf[:i])
			}
			if r.buf[3] == ' ' {
				n--
			}
			have = copy(r.buf, r.buf[i+1:have])
		}
	}
}

// small is a message of 4 KB, with its end.
var small = []byte("From: <a@b.test>\r\nSubject: small\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 56) + ".\r\n")

// BenchmarkServerSmall is the rate of messages of 4 KB over 8 connections, one
// command at a time and pipelined.
func BenchmarkServerSmall(b *testing.B) {
	for _, pipelined := range []bool{false, true} {
		for _, s := range smtpServers {
			b.Run(fmt.Sprintf("pipelined=%v/%s", pipelined, s.name), func(b *testing.B) {
				addr := s.start(b)
				const conns = 8
				clients := make([]*rawSMTP, conns)
				for i := range clients {
					clients[i] = dialRaw(b, addr)
				}
				envelope := []byte("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
				lines := bytes.SplitAfter(envelope, []byte("\n"))[:3]
				b.SetBytes(int64(len(small)))
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for i, c := range clients {
					wg.Go(func() {
						n := (b.N + i) / conns
						if !pipelined {
							for range n {
								for _, line := range lines {
									c.send(line)
									c.replies(1)
								}
								c.send(small)
								c.replies(1)
							}
							return
						}
						// The end of a message and the envelope of the next are
						// one group (RFC 2920 §3.1).
						next := slices.Concat(small, envelope)
						for j := range n {
							if j == 0 {
								c.send(envelope)
								c.replies(3)
							}
							if j < n-1 {
								c.send(next)
								c.replies(4)
							} else {
								c.send(small)
								c.replies(1)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

// BenchmarkServerLarge is one large message after the other on one connection.
// Compare with BenchmarkReadBody/loopback.
func BenchmarkServerLarge(b *testing.B) {
	_, stuffed := bodies()
	for _, s := range smtpServers {
		b.Run(s.name, func(b *testing.B) {
			c := dialRaw(b, s.start(b))
			b.SetBytes(int64(len(stuffed)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				c.send([]byte("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"))
				c.replies(3)
				for rest := stuffed; len(rest) > 0; {
					n := min(len(rest), 1<<18)
					c.send(rest[:n])
					rest = rest[n:]
				}
				c.replies(1)
			}
		})
	}
}

// BenchmarkClientSmall is the rate of messages of 4 KB that a client sends on
// one connection, against each server.
func BenchmarkClientSmall(b *testing.B) {
	body := small[:len(small)-len(".\r\n")]
	for _, s := range smtpServers {
		for name, chunking := range map[string]bool{"posthorn": false, "posthorn-chunking": true} {
			b.Run("server="+s.name+"/"+name, func(b *testing.B) {
				ctx := context.Background()
				c, err := smtpclient.Dial(ctx, s.start(b), &smtpclient.Options{LocalName: "client.test", Chunking: chunking})
				require.NoError(b, err)
				defer c.Close()
				env := &smtpclient.Envelope{From: smtp.Address{Local: "a", Domain: "b.test"}, To: []smtp.Address{{Local: "c", Domain: "d.test"}}}
				r := bytes.NewReader(nil)
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					r.Reset(body)
					_, err := c.Send(ctx, env, r)
					require.NoError(b, err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
		b.Run("server="+s.name+"/net-smtp", func(b *testing.B) {
			c, err := netsmtp.Dial(s.start(b))
			require.NoError(b, err)
			defer c.Close()
			require.NoError(b, c.Hello("client.test"))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				require.NoError(b, c.Mail("a@b.test"))
				require.NoError(b, c.Rcpt("c@d.test"))
				w, err := c.Data()
				require.NoError(b, err)
				_, err = w.Write(body)
				require.NoError(b, err)
				require.NoError(b, w.Close())
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
		b.Run("server="+s.name+"/go-smtp", func(b *testing.B) {
			c, err := gosmtp.Dial(s.start(b))
			require.NoError(b, err)
			defer c.Close()
			require.NoError(b, c.Hello("client.test"))
			r := bytes.NewReader(nil)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				r.Reset(body)
				require.NoError(b, c.SendMail("a@b.test", []string{"c@d.test"}, r))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
		// It has no way to send a message as it is: building one is in its figure.
		b.Run("server="+s.name+"/go-mail", func(b *testing.B) {
			host, port, err := net.SplitHostPort(s.start(b))
			require.NoError(b, err)
			n, err := strconv.Atoi(port)
			require.NoError(b, err)
			c, err := gomail.NewClient(host, gomail.WithPort(n), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO("client.test"), gomail.WithoutNoop())
			require.NoError(b, err)
			require.NoError(b, c.DialWithContext(context.Background()))
			defer c.Close()
			m := gomail.NewMsg(gomail.WithEncoding(gomail.NoEncoding))
			require.NoError(b, m.From("a@b.test"))
			require.NoError(b, m.To("c@d.test"))
			m.SetBodyString(gomail.TypeTextPlain, string(body))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				require.NoError(b, c.Send(m))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
