package textproto_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"

	"github.com/posthorn-mail/posthorn/textproto"
)

// A protocol in a few lines: it counts the octets of messages.
type counter struct{}

func (counter) ServeConn(ctx context.Context, c *textproto.Conn) {
	c.SetAutoFlush(true)
	c.WriteLine("220 counter ready")
	for {
		switch err := c.Wait(); {
		case errors.Is(err, textproto.ErrServerClosed):
			c.WriteLine("421 shutting down")
			return
		case err != nil:
			return
		}
		line, err := c.ReadLine()
		if err != nil {
			c.WriteLine("500 what?")
			return
		}
		switch string(line) {
		case "DATA":
			d := c.DotReader(textproto.Strict)
			n, err := io.Copy(io.Discard, d)
			if err != nil && d.Drain(1<<20) != nil {
				return
			}
			if err != nil {
				c.WriteLine("550 " + errors.Unwrap(err).Error())
				continue
			}
			c.WriteLine(fmt.Sprint("250 ", n))
		case "QUIT":
			c.WriteLine("221 bye")
			return
		}
	}
}

func (counter) Refuse(c *textproto.Conn, reason error) { c.WriteLine("421 not now") }

func ExampleServer() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := &textproto.Server{MaxConns: 1000, MaxConnsPerNetwork: 20}
	go s.Serve(l, counter{})

	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	c := textproto.NewConn(nc, nil)
	defer c.Close()
	// Two messages and QUIT, pipelined. The second is an attempt at smuggling.
	c.WriteString("DATA\r\nhello\r\n..\r\n.\r\n")
	c.WriteString("DATA\r\nhello\n.\nMAIL FROM:<forged@example.org>\r\n.\r\n")
	c.WriteString("QUIT\r\n")
	c.Flush()
	for {
		line, err := c.ReadLine()
		if err != nil {
			break
		}
		fmt.Println(string(line))
	}
	s.Shutdown(context.Background())
	// Output:
	// 220 counter ready
	// 250 10
	// 550 textproto: bare LF
	// 221 bye
}

// buffer is a connection to nowhere.
type buffer struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (b *buffer) Read(p []byte) (int, error)  { return b.in.Read(p) }
func (b *buffer) Write(p []byte) (int, error) { return b.out.Write(p) }

func ExampleConn_DotWriter() {
	b := &buffer{}
	c := textproto.NewConn(b, nil)
	d := c.DotWriter()
	io.Copy(d, strings.NewReader("Subject: hi\n\n.\nno end of line"))
	d.Close()
	c.Flush()
	fmt.Printf("%q\n", b.out.String())
	// Output: "Subject: hi\r\n\r\n..\r\nno end of line\r\n.\r\n"
}

func ExampleConn_CountedReader() {
	b := &buffer{in: strings.NewReader("a1 APPEND INBOX {12}\r\nHello\r\nWorld\r\na2 NOOP\r\n")}
	c := textproto.NewConn(b, nil)
	line, _ := c.ReadLine()
	fmt.Printf("%s\n", line)
	body, _ := io.ReadAll(c.CountedReader(12))
	fmt.Printf("%q\n", body)
	c.ReadLine() // what follows the literal
	line, _ = c.ReadLine()
	fmt.Printf("%s\n", line)
	// Output:
	// a1 APPEND INBOX {12}
	// "Hello\r\nWorld"
	// a2 NOOP
}

// A connection that waits for commands can be woken by another goroutine, such
// as the one that hears of new mail.
func ExampleConn_Wake() {
	x, _ := net.Pipe()
	c := textproto.NewConn(x, nil)
	go c.Wake()
	fmt.Println(c.Wait())
	// Output: textproto: woken
}

func ExampleTracer() {
	b := &buffer{in: strings.NewReader("USER joe\r\nPASS secret\r\n")}
	c := textproto.NewConn(b, &textproto.Options{
		Trace: func(e textproto.Event) { fmt.Fprintf(os.Stdout, "%s: %s\n", e.Dir, e.Line) },
		Redact: func(_ textproto.Direction, line []byte) []byte {
			if bytes.HasPrefix(line, []byte("PASS ")) {
				return []byte("PASS ***")
			}
			return line
		},
	})
	c.ReadLine()
	c.WriteLine("+OK")
	c.ReadLine()
	// Output:
	// receive: USER joe
	// send: +OK
	// receive: PASS ***
}
