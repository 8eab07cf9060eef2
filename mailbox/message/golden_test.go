package message

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden holds what is read from the messages of testdata against the
// files beside them.
func TestGolden(t *testing.T) {
	for file, msg := range corpus(t) {
		t.Run(strings.TrimSuffix(file[len("testdata/"):], ".eml"), func(t *testing.T) {
			sum, defects, err := Parse(bytes.NewReader(msg), nil)
			require.NoError(t, err)
			got := dump(msg, sum, defects)
			golden := strings.TrimSuffix(file, ".eml") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
			for _, step := range []int{1, 2, 3, 7, 31} {
				checkMessage(t, msg, nil, step)
				checkMessage(t, msg, tightOptions, step)
			}
		})
	}
}

// dump writes a summary for people.
func dump(msg []byte, sum *Summary, defects []Defect) string {
	var b strings.Builder
	dumpEnvelope(&b, "", &sum.Envelope)
	for _, id := range sum.References {
		fmt.Fprintf(&b, "references %s\n", id)
	}
	fmt.Fprintf(&b, "preview %q\n", sum.Preview)
	sum.Root.Walk(func(path []int, p *Part) bool {
		indent := strings.Repeat("  ", len(path))
		fmt.Fprintf(&b, "%s%v %s/%s %s header %d+%d body %d+%d lines %d\n", indent, path, p.Type, p.Subtype, p.Encoding,
			p.HeaderOffset, p.BodyOffset-p.HeaderOffset, p.BodyOffset, p.BodySize, p.Lines)
		indent += "    "
		dumpParams(&b, indent, "param", p.Params)
		if p.Disposition != "" {
			fmt.Fprintf(&b, "%sdisposition %q\n", indent, p.Disposition)
		}
		dumpParams(&b, indent, "dparam", p.DispositionParams)
		for _, v := range []struct{ name, value string }{
			{"id", p.ID}, {"description", p.Description}, {"md5", p.MD5}, {"location", p.Location}, {"filename", p.Filename()}, {"language", strings.Join(p.Language, ",")},
		} {
			if v.value != "" {
				fmt.Fprintf(&b, "%s%s %q\n", indent, v.name, v.value)
			}
		}
		if p.Envelope != nil {
			dumpEnvelope(&b, indent, p.Envelope)
		}
		if len(p.Children) == 0 {
			text, _ := io.ReadAll(DecodedBody(bytes.NewReader(msg), p))
			fmt.Fprintf(&b, "%stext %.100q\n", indent, text)
		}
		return true
	})
	for _, d := range defects {
		fmt.Fprintf(&b, "defect %v\n", d)
	}
	return b.String()
}

func dumpParams(b *strings.Builder, indent, what string, list []Param) {
	for _, p := range list {
		fmt.Fprintf(b, "%s%s %s=%q\n", indent, what, p.Name, p.Value)
	}
}

func dumpEnvelope(b *strings.Builder, indent string, e *Envelope) {
	for i, name := range []string{"date", "subject", "in-reply-to", "message-id"} {
		if s := *e.texts()[i]; s != "" {
			fmt.Fprintf(b, "%s%s %q\n", indent, name, s)
		}
	}
	if !e.Time.IsZero() {
		fmt.Fprintf(b, "%stime %s\n", indent, e.Time.Format("2006-01-02T15:04:05-0700"))
	}
	for i, name := range []string{"from", "sender", "reply-to", "to", "cc", "bcc"} {
		for _, a := range *e.lists()[i] {
			fmt.Fprintf(b, "%s%s %d name=%q local=%q domain=%q\n", indent, name, a.Kind, a.Name, a.Local, a.Domain)
		}
	}
}
