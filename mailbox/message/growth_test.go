package message

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/testutil/growth"
)

// TestGrowth holds the parsers of whatever a stranger can send to work and memory in
// proportion to its length, all limits but those of Options set aside.
func TestGrowth(t *testing.T) {
	whole := func(s string) {
		sum, _, _ := Parse(strings.NewReader(s), &Options{MaxHeaderSize: 2 << 20, MaxHeaderTotal: 4 << 20, MaxFields: 1 << 20, MaxAddresses: 1 << 20})
		b, _ := sum.AppendBinary(nil)
		var back Summary
		_ = back.UnmarshalBinary(b)
		back.Root.Walk(func(_ []int, p *Part) bool {
			p.Charset()
			p.Filename()
			return true
		})
	}
	const (
		lexical  = "()<>[]\"\\,;:@.=? a\r\n"
		boundary = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	)
	lists := []string{
		"<a@b>,", "a:", "a:;", "g:<a@b>,;", "(", "((", "()", "(a", "(…)", "\\(", "(\\", "\"", "\"\\", "[", "[a", "<", "<@a:", "<@a,", "=?", "=?a?q?x", "=?a?q?x?=", "@", "a@b ", ",", ";", "a ", "\xff",
	}
	mime := []string{
		"a(;", ";a(;", ";a=(;", ";a=b(;…)", "a=(;…)", ";a=b c(;…)", ";a=b(;…)", ";a=\"", ";a=\"\\", "(", "(…)", "\\(", ";a*0=", ";a*1=b;a*2=c", ";a*0*=%", ";a=\"b\"", "a", ";", "=", "/", ";a =", ";a= (", "%41", "'", ";a*=x'y'", "\r", "\r \r", "\xe4",
	}
	growth.Test(t, []growth.Parser{
		{Name: "message", Alphabet: "\r\n :a-(", Parse: whole, Patterns: []string{"To: a@b\r\n", "X: y\r\n", "\r", "\r\r\n", "\x00", "a\r", "From ", "a:\n", " \n", "Received: (\r\n", "\r\n\r", "Content-Type: message/rfc822\r\n\r\n", "Content-Type: a/b;(\r\n"}},
		{Name: "field", Prefix: "Subject:", Alphabet: "\r\n :a\x00", Parse: whole},
		{Name: "field with an end", Prefix: "Subject:", Suffix: "x", Alphabet: "\r\n :a\x00", Parse: whole},
		{Name: "unknown field", Prefix: "Received:", Alphabet: "\r\n :a(", Parse: whole},
		{Name: "address field", Prefix: "To:", Octets: 600, Alphabet: lexical, Patterns: lists, Parse: whole},
		{Name: "date field", Prefix: "Date:", Alphabet: "(): \r\n+-1a\\,", Patterns: []string{"(", "(…)", "1 ", "10:", "+1", "re: "}, Parse: whole},
		{Name: "references", Prefix: "References:", Alphabet: "<>@ ()a\r\n\"", Patterns: []string{"<", "<a", "<a@b>", "<a@b> ", "<…>", ">", "<a b>"}, Parse: whole},
		{Name: "content type", Prefix: "Content-Type: text/plain;", Alphabet: "();=\"\\/*' a\r%1", Patterns: mime, Parse: whole},
		{Name: "content type without type", Prefix: "Content-Type:", Alphabet: "();=\"\\/* a\r", Patterns: mime, Parse: whole},
		{Name: "disposition", Prefix: "Content-Disposition: a;", Alphabet: "();=\"\\/*' a\r%1", Patterns: append(mime, "filename*0=;", ";filename*1=a"), Parse: whole},
		{Name: "language", Prefix: "Content-Language:", Alphabet: "();=\"\\, a\r", Patterns: mime, Parse: whole},
		{Name: "encoding", Prefix: "Content-Transfer-Encoding:", Alphabet: "();=\"\\, a\r", Patterns: mime, Parse: whole},
		{Name: "location", Prefix: "Content-Location:", Alphabet: "() a\r\n:", Parse: whole},
		{Name: "multipart", Prefix: boundary, Alphabet: "-b\r\n: ", Parse: whole, Patterns: []string{
			"--b\r\n", "--b\r\n\r\n", "--b\r\nContent-Type: text/html\r\n\r\n", "--b--\r\n", "--\r\n", "-", "--", "--b", "\n--", "\r\n--b\r\nContent-Type: a/b;(\r\n"}},
		{Name: "nested", Steps: 250, Prefix: strings.Repeat("Content-Type: multipart/mixed; boundary="+strings.Repeat("b", 60)+"\r\n\r\n--"+strings.Repeat("b", 60)+"\r\n", 60) + "\r\n",
			Alphabet: "-b\r\n", Patterns: []string{"--\n", "--" + strings.Repeat("b", 59) + "\n", "--" + strings.Repeat("b", 60) + "\n", "--" + strings.Repeat("b", 60) + "\n\n"}, Parse: whole},
		{Name: "deep", Alphabet: "a", Parse: whole, Patterns: []string{
			"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "Content-Type: message/rfc822\r\n\r\n"}},

		{Name: "preview of HTML", Prefix: "Content-Type: text/html\r\n\r\n", Alphabet: "<>/!-& a=\"'", Parse: whole, Patterns: []string{"<a", "<a ", "<!--", "</", "&", "<script>", "<style><", "&lt;", "<a b=c ", "<![CDATA["}},
		{Name: "preview of text", Prefix: "Content-Transfer-Encoding: quoted-printable\r\n\r\n", Alphabet: "=> \r\n\x00a", Parse: whole},

		{Name: "ParseAddressList", Octets: 600, Alphabet: lexical, Patterns: lists, Parse: func(s string) {
			list, _ := ParseAddressList(s, 0)
			_, _ = AppendAddresses(nil, list)
		}},
		{Name: "ParseDate", Alphabet: "(): +-1aZ,", Patterns: []string{"(", "1 ", "1999-01-01T"}, Parse: func(s string) { ParseDate(s) }},
		{Name: "MessageIDs", Alphabet: "<>@ ()a", Patterns: []string{"<", "<a", "<…>"}, Parse: func(s string) { MessageIDs(s) }},
		{Name: "DecodeText", Alphabet: "=?qQbB_ \r\n*a", Parse: func(s string) { CheckText(s) }, Patterns: []string{
			"=?", "=?a?q?", "=?a?b?", "=?utf-8?q?a?=", "=?utf-8?q?a?= ", "=?utf-8?b?w6Q=?=", "=?utf-7?q?+AOQ-?=", "=?iso-2022-jp?b?GyRC?=", "=?x?q?a?=", "=?a", "=?a?", "=?a*b?q?=E4?=", "\xff", "=?utf-16?b?AA==?= ", "=?cpcp1?q?a?="}},
		{Name: "BaseSubject", Alphabet: "[]():refwdRF ", Parse: func(s string) { BaseSubject(s) }, Patterns: []string{
			"[", "]", "[a]", "[a] ", "re:", "re: ", "fwd: ", "re[a]:", "re [a] ", "(fwd)", "(fwd) ", " (fwd)", "[fwd: …]", "[fwd:…]", "[fwd:[a]…]", "[fwd:re:…(fwd)]", "[fwd:…] (fwd)", "=?a?q?re:?= ", "re"}},
		{Name: "base subject with an end", Suffix: "x", Alphabet: "[]:re (fwd)", Parse: func(s string) { BaseSubject(s) }, Patterns: []string{"[a]", "re: ", "[fwd: "}},

		{Name: "Header", Alphabet: "\r\n: a", Parse: func(s string) {
			h, _ := ReadHeader(&halves{r: strings.NewReader(s)}, len(s)+1)
			h.Get("b")
			for range h.Values("a") {
			}
		}},
		{Name: "SelectFields", Alphabet: "\r\n: a", Parse: func(s string) {
			_, _ = io.Copy(io.Discard, SelectFields(strings.NewReader(s), strings.Split(strings.Repeat("a ", 1000), " "), true))
		}},
		{Name: "transfer decoding", Alphabet: "= \t\r\naA+-`\xe4", Patterns: []string{"=", "= ", " ", "=\r", "=4", "YQ==", "begin \n", "#0V%T\n", "\n", strings.Repeat(" ", 999) + "x"}, Steps: 400, Parse: func(s string) {
			for _, enc := range []string{"base64", "quoted-printable", "x-uuencode"} {
				_, _ = io.Copy(io.Discard, NewTransferDecoder(strings.NewReader(s), enc))
				_, _ = io.Copy(io.Discard, NewTransferDecoder(&halves{r: strings.NewReader(s)}, enc))
			}
		}},
		{Name: "charset decoding", Alphabet: "+-aA\xc3\xa4\x1b$B~{", Patterns: []string{"+AOQ-", "+", "\x1b$B", "~{", "\xf0\x9f"}, Parse: func(s string) {
			for _, charset := range []string{"utf-7", "iso-2022-jp", "utf-16", "hz", "gb18030", ""} {
				_, _ = io.Copy(io.Discard, NewCharsetReader(strings.NewReader(s), charset))
			}
		}},
		{Name: "charset name", Prefix: "=?", Suffix: "?q?=E4?=", Alphabet: "cp-1 *", Parse: func(s string) { DecodeText(s) }},
		{Name: "summary", Alphabet: "\x01\x02\x00\x7f\x80\xff", Parse: func(s string) {
			var sum Summary
			_ = sum.UnmarshalBinary(append([]byte{binaryVersion, 0, 0, 0}, s...))
			_ = sum.UnmarshalBinary(bytes.Join([][]byte{{binaryVersion}, []byte(s)}, nil))
		}},
	})
}

// halves reads little at a time.
type halves struct{ r io.Reader }

func (h *halves) Read(p []byte) (int, error) { return h.r.Read(p[:min(len(p), 7)]) }
