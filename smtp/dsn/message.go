package dsn

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/smtp"
)

// A Message is a notification as a whole message, a multipart/report (RFC 6522)
// of text for people, the Report, and the returned part of the original. Fields
// that are zero have defaults.
type Message struct {
	// To is the reverse-path of the original message. It must be set.
	To smtp.Address

	// From is by default "Mail Delivery System" at the reporting MTA.
	From message.Address

	// By default, Subject and Text are in English and made from the Report,
	// Date is the current time, and MessageID, which has angle brackets, is
	// random.
	Subject, Text, MessageID string
	Date                     time.Time

	// Header holds additional fields, such as References.
	Header []Field

	// Report must be set.
	Report Report

	// Original is the message that the report is about, from its start. All of
	// it is returned if Return is smtp.ReturnFull and the report contains a
	// failure (RFC 3461 §4.3), otherwise the header. Nil: nothing is returned.
	Original io.Reader
	Return   smtp.Return

	// UTF8 says that the notification will be sent with SMTPUTF8 only, so that
	// addresses need not be encoded (RFC 6533 §4); it must be set if the
	// Original is returned in full and requires SMTPUTF8.
	UTF8 bool
}

// maxHeader is how much of a header is returned.
const maxHeader = 512 << 10

// WriteTo writes the message with CRLF at line ends; those of the Original are
// not changed. It returns the number of octets written.
func (m *Message) WriteTo(w io.Writer) (int64, error) {
	b := bufio.NewWriterSize(w, 4096)
	c := &counter{w: b}
	err := m.write(c)
	if err == nil {
		err = b.Flush()
	}
	return c.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (m *Message) write(w io.Writer) error {
	global := m.UTF8 && m.Report.needsGlobal()
	report, err := m.Report.Append(nil, global)
	if err != nil {
		return err
	}
	full := m.Original != nil && m.Return == smtp.ReturnFull && m.Report.has(Failed)
	var returned []byte
	if m.Original != nil && !full {
		h, err := message.ReadHeader(m.Original, maxHeader)
		if err != nil && len(h) == 0 {
			return fmt.Errorf("dsn: reading the header of the message: %w", err)
		}
		returned = bytes.TrimRight(h, "\r\n")
	}
	text := m.Text
	if text == "" {
		text = m.Report.text()
	}
	boundary := "=_" + rand.Text() // cannot occur in quoted-printable
	head, err := m.head(boundary, full || global || !isASCII(string(returned)))
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	if err := writeText(w, boundary, text); err != nil {
		return err
	}
	kind, encoding := "delivery-status", "7bit"
	if global {
		kind, encoding = "global-delivery-status", "8bit"
	}
	fmt.Fprintf(w, "\r\n--%s\r\nContent-Type: message/%s\r\nContent-Transfer-Encoding: %s\r\nContent-Description: Delivery report\r\n\r\n%s", boundary, kind, encoding, report)
	switch {
	case full:
		kind = "rfc822"
		if m.UTF8 {
			kind = "global"
		}
		fmt.Fprintf(w, "\r\n--%s\r\nContent-Type: message/%s\r\nContent-Transfer-Encoding: 8bit\r\nContent-Description: Undelivered message\r\n\r\n", boundary, kind)
		src := &source{r: m.Original}
		if _, err := io.Copy(w, src); err != nil {
			if src.err != nil {
				return fmt.Errorf("dsn: reading the message: %w", src.err)
			}
			return err
		}
	case m.Original != nil:
		kind, encoding = "text/rfc822-headers", "7bit"
		if !isASCII(string(returned)) {
			encoding = "8bit"
			if m.UTF8 && utf8.Valid(returned) {
				kind = "message/global-headers"
			}
		}
		fmt.Fprintf(w, "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\nContent-Description: Header of the message\r\n\r\n", boundary, kind, encoding)
		w.Write(returned)
		io.WriteString(w, "\r\n")
	}
	_, err = fmt.Fprintf(w, "\r\n--%s--\r\n", boundary)
	return err
}

// source remembers whether reading the original failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// head makes the header, with the empty line after it.
func (m *Message) head(boundary string, eightBit bool) ([]byte, error) {
	if m.To.IsZero() {
		return nil, errors.New("dsn: no notification goes to the null reverse-path")
	}
	host := clean(m.Report.ReportingMTA.Name, false)
	if !smtp.ValidDomain(host) {
		host = "localhost"
	}
	from := m.From
	if from == (message.Address{}) {
		from = message.Address{Name: "Mail Delivery System", Local: "MAILER-DAEMON", Domain: host}
	}
	date := m.Date
	if date.IsZero() {
		date = time.Now()
	}
	id := m.MessageID
	if id == "" {
		id = "<" + rand.Text() + "@" + host + ">"
	}
	subject := m.Subject
	if subject == "" {
		subject = m.Report.subject()
	}
	e := encoder{global: m.UTF8}
	e.field("Date", date.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	if !m.UTF8 {
		from.Name = mime.QEncoding.Encode("utf-8", from.Name)
	}
	fromText, err := message.AppendAddresses(nil, []message.Address{from})
	if err != nil {
		return nil, fmt.Errorf("dsn: From: %w", err)
	}
	to := m.To
	if !m.UTF8 {
		// An address in UTF-8 is not allowed in an ASCII header: the caller
		// must set UTF8.
		if to, err = to.ToASCII(); err != nil {
			return nil, fmt.Errorf("dsn: To: %w", err)
		}
	}
	toText, err := to.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("dsn: To: %w", err)
	}
	e.field("From", string(fromText))
	e.dst = append(append(append(e.dst, "To: "...), toText...), "\r\n"...)
	e.field("Subject", mime.QEncoding.Encode("utf-8", clean(subject, true)))
	e.field("Message-ID", id)
	e.field("Auto-Submitted", "auto-replied") // RFC 3834 §5
	e.extra(m.Header)
	e.field("MIME-Version", "1.0")
	e.field("Content-Type", `multipart/report; report-type=delivery-status; boundary="`+boundary+`"`)
	if eightBit {
		e.field("Content-Transfer-Encoding", "8bit")
	}
	e.dst = append(e.dst, "\r\n"...)
	return e.dst, nil
}

// writeText writes the part for people.
func writeText(w io.Writer, boundary, text string) error {
	fmt.Fprintf(w, "This is a delivery status notification in MIME format.\r\n\r\n--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Description: Notification\r\n\r\n", boundary)
	qp := quotedprintable.NewWriter(w)
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	io.WriteString(qp, text)
	return qp.Close()
}
