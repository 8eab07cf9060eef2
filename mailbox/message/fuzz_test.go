package message

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// corpus are the messages of testdata.
func corpus(t testing.TB) map[string][]byte {
	files, err := filepath.Glob("testdata/*.eml")
	require.NoError(t, err)
	all := make(map[string][]byte)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		all[f] = b
	}
	return all
}

var tightOptions = &Options{MaxDepth: 4, MaxParts: 6, MaxHeaderSize: 200, MaxHeaderTotal: 500, MaxFields: 8, MaxAddresses: 5, MaxDefects: 20}

func FuzzParser(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b, 7)
		f.Add(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), 1)
	}
	for _, s := range []string{
		"", "\n", "\r\n", "\r\r\n", "a", "From x\nA: b\n\n", " folded\n\nx", "A: b", "A: b\r\n", "\x00\x00\n\n\x00",
		"Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\n--a--",
		"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n--a--\n",
		"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n--a\nb: c\n--ab--",
		"Content-Type: multipart/mixed; boundary=\"--\"\n\n----\n\n------",
		"Subject: \r\r\r\rx\r\n\r\r\n", "Content-Language: ((((\n\n", "Content-Type: text/plain;a(;a(;b=c(;d=e)\n\n", "To: a(\\(\\(<b@c>\nReferences: <<<a> <\n\n",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nx: y\r\n--a--\r\n",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, msg []byte, step int) {
		checkMessage(t, msg, nil, step)
		checkMessage(t, msg, tightOptions, step)
	})
}

// checkMessage parses a message in one piece and in many, and holds the
// results against each other and against the promises of the types.
func checkMessage(t *testing.T, msg []byte, opts *Options, step int) {
	p := NewParser(opts)
	_, err := p.Write(msg)
	require.NoError(t, err)
	sum, defects := p.Finish()

	step = max(1, step&31)
	q := NewParser(opts)
	for b := msg; len(b) > 0; {
		n := min(step, len(b))
		_, _ = q.Write(bytes.Clone(b[:n]))
		b = b[n:]
	}
	sum2, defects2 := q.Finish()
	require.Equal(t, sum, sum2, "split into %d", step)
	require.Equal(t, defects, defects2, "split into %d", step)

	require.EqualValues(t, 0, sum.Root.HeaderOffset)
	require.EqualValues(t, len(msg), sum.Root.BodyOffset+sum.Root.BodySize)
	checkPart(t, msg, sum.Root, 1)
	for _, s := range append([]string{sum.Preview}, sum.References...) {
		require.NotContains(t, s, "\x00")
		require.NotContains(t, s, "\n")
	}
	checkEnvelope(t, &sum.Envelope)
	require.LessOrEqual(t, utf8.RuneCountInString(sum.Preview), previewLength)
	require.True(t, utf8.ValidString(sum.Preview))

	b, err := sum.AppendBinary(nil)
	require.NoError(t, err)
	var back Summary
	require.NoError(t, back.UnmarshalBinary(b))
	require.Equal(t, sum, &back)
}

func checkPart(t *testing.T, msg []byte, p *Part, depth int) {
	require.NoError(t, p.check(depth))
	require.LessOrEqual(t, p.HeaderOffset, p.BodyOffset)
	require.GreaterOrEqual(t, p.BodySize, int64(0))
	body := msg[p.BodyOffset : p.BodyOffset+p.BodySize]
	lines := int64(bytes.Count(body, lineFeed))
	if len(body) > 0 && body[len(body)-1] != '\n' {
		lines++
	}
	require.Equal(t, lines, p.Lines)
	for _, list := range [][]Param{p.Params, p.DispositionParams} {
		for _, v := range list {
			checkString(t, v.Name)
			checkString(t, v.Value)
			checkString(t, p.Param(v.Name))
		}
	}
	for _, s := range append([]string{p.Type, p.Subtype, p.Encoding, p.Filename(), p.Charset()}, p.Language...) {
		checkString(t, s)
	}
	for _, s := range p.texts() {
		checkString(t, *s)
	}
	if p.Envelope != nil {
		checkEnvelope(t, p.Envelope)
	}
	end := p.BodyOffset
	for _, c := range p.Children {
		require.LessOrEqual(t, end, c.HeaderOffset)
		end = c.BodyOffset + c.BodySize
		require.LessOrEqual(t, end, p.BodyOffset+p.BodySize)
		checkPart(t, msg, c, depth+1)
	}
}

func checkEnvelope(t *testing.T, e *Envelope) {
	for _, s := range e.texts() {
		checkString(t, *s)
	}
	for _, l := range e.lists() {
		checkAddresses(t, *l)
	}
}

func checkAddresses(t *testing.T, list []Address) {
	depth := 0
	for _, a := range list {
		for _, s := range a.texts() {
			checkString(t, *s)
		}
		switch a.Kind {
		case GroupStart:
			depth++
		case GroupEnd:
			depth--
		}
		require.True(t, depth == 0 || depth == 1, "groups %v", list)
	}
	require.Zero(t, depth, "groups %v", list)
}

func checkString(t *testing.T, s string) {
	if strings.ContainsAny(s, "\x00\r\n") {
		t.Fatalf("control octets in %q", s)
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	for _, b := range corpus(f) {
		sum, _, _ := Parse(bytes.NewReader(b), nil)
		enc, err := sum.AppendBinary(nil)
		require.NoError(f, err)
		f.Add(enc)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Summary
		if err := s.UnmarshalBinary(b); err != nil {
			require.ErrorIs(t, err, ErrSummary)
			return
		}
		enc, err := s.AppendBinary(nil)
		require.NoError(t, err)
		var back Summary
		require.NoError(t, back.UnmarshalBinary(enc))
		again, err := back.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, enc, again)
	})
}

func FuzzAddressList(f *testing.F) {
	for _, c := range addressCases {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, _ := ParseAddressList(s, 0)
		checkAddresses(t, list)
		for _, a := range list {
			spec, err := a.AddrSpec()
			if err != nil {
				require.ErrorIs(t, err, ErrAddress)
				continue
			}
			back, ok := ParseAddressList(spec, 0)
			require.True(t, ok, "%q", spec)
			require.Equal(t, []Address{{Local: a.Local, Domain: a.Domain}}, back, "%q", spec)
		}
		text, err := AppendAddresses(nil, list)
		if err != nil {
			return
		}
		back, _ := ParseAddressList(string(text), 0)
		require.Len(t, back, len(list), "%q", text)
		for i := range list {
			list[i].Route = ""
			if utf8.ValidString(list[i].Name) && !strings.Contains(list[i].Name, "=?") {
				require.Equal(t, list[i], back[i], "%q", text)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{
		"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "=?utf-8?B?w6Q=?= x", "=?utf-7?Q?+AOQ-?=", "=?x?Q?=?=", "Re: [a] [b] fwd: [x] (fwd)", "[fwd: re: a]",
		"\xff\xfe", "<a@b> <c@d", "=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", "Fri, 21 Nov 97 09(comment):55  :  06 -0600", "text/plain; charset*0*=utf-8''x; charset*1=y",
		"a(;a(;a(;", "a/b;c=d(;e=f)(;g=\"(\\", "a/b;c=d e(;f=g);h", ";a*0=;a*1=x;a*0*=%", "((((", "=?=?a?q?=?", "[fwd:[a]re:(fwd)]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := DecodeText(s)
		checkString(t, text)
		require.True(t, utf8.ValidString(text), "%q", text)
		again, _ := CheckText(s)
		require.Equal(t, text, again)
		base, _ := BaseSubject(s)
		require.True(t, utf8.ValidString(base))
		again, _ = BaseSubject(base)
		_ = again
		MessageIDs(s)
		ParseDate(s)
		var p Part
		parseContentType(&p, s)
		parseDisposition(&p, s)
		parseLanguages(s)
		for _, v := range p.Params {
			p.Param(v.Name)
		}
		p.Filename()
	})
}

func FuzzTransfer(f *testing.F) {
	for _, s := range []string{"YWJj\r\nZGU=\r\n", "YQ==YQ==", "a=20b =\r\n c \t \r\nd=", "=\r", "=4", "= \r\n", "begin 644 x\n#0V%T\n`\nend\n", "+AOQ-", "a\xffb"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, enc := range []string{"base64", "quoted-printable", "x-uuencode", "7bit"} {
			whole, err := io.ReadAll(NewTransferDecoder(bytes.NewReader(b), enc))
			require.NoError(t, err, enc)
			pieces, err := io.ReadAll(NewTransferDecoder(iotest.OneByteReader(bytes.NewReader(b)), enc))
			require.NoError(t, err, enc)
			require.Equal(t, whole, pieces, enc)
		}
		for _, charset := range []string{"utf-8", "utf-7", "iso-2022-jp", "gb18030", "utf-16", "unknown", ""} {
			whole, err := io.ReadAll(NewCharsetReader(bytes.NewReader(b), charset))
			require.NoError(t, err, charset)
			pieces, err := io.ReadAll(NewCharsetReader(iotest.OneByteReader(bytes.NewReader(b)), charset))
			require.NoError(t, err, charset)
			require.Equal(t, whole, pieces, charset)
		}
	})
}

func FuzzSelectFields(f *testing.F) {
	f.Add([]byte("A: b\r\nC: d\r\n e\r\n\r\nbody"), "c")
	f.Add([]byte("From x\nA : b\n\r\r\nbody"), "a")
	f.Add([]byte("\r\r\rA: b\r\r\n\r\n"), "a")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		yes, err := io.ReadAll(SelectFields(bytes.NewReader(b), []string{name}, false))
		require.NoError(t, err)
		no, err := io.ReadAll(SelectFields(iotest.OneByteReader(bytes.NewReader(b)), []string{name}, true))
		require.NoError(t, err)
		h, err := ReadHeader(iotest.HalfReader(bytes.NewReader(b)), len(b)+1)
		require.NoError(t, err)
		var wantYes, wantNo []byte
		rest := h
		for fd := range h.All() {
			rest = rest[len(fd):]
			if fd.Is(name) {
				wantYes = append(wantYes, fd...)
			} else {
				wantNo = append(wantNo, fd...)
			}
		}
		require.Equal(t, string(append(wantYes, rest...)), string(yes))
		require.Equal(t, string(append(wantNo, rest...)), string(no))
	})
}
