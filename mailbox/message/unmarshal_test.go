package message

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnmarshalItems(t *testing.T) {
	for file, msg := range corpus(t) {
		sum, _, _ := Parse(bytes.NewReader(msg), nil)
		enc, err := sum.AppendBinary(nil)
		require.NoError(t, err)
		for items := range AllItems + 1 {
			got := Summary{Preview: "of before"}
			require.NoError(t, got.UnmarshalItems(enc, items), "%s %b", file, items)
			var want Summary
			if items&ItemEnvelope != 0 {
				want.Envelope = sum.Envelope
			}
			if items&ItemReferences != 0 {
				want.References = sum.References
			}
			if items&ItemPreview != 0 {
				want.Preview = sum.Preview
			}
			if items&ItemStructure != 0 {
				want.Root = sum.Root
			}
			require.Equal(t, want, got, "%s %b", file, items)
		}
	}
	sum, _, _ := Parse(bytes.NewReader(typical()), nil)
	enc, err := sum.AppendBinary(nil)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		var s Summary
		_ = s.UnmarshalItems(enc, 0)
	}), "passing over allocates nothing")
}

// A part that a server has described has no place: nobody reads octets by it.
func TestNotLocated(t *testing.T) {
	msg := bytes.NewReader([]byte("Subject: x\r\n\r\nbody\r\n"))
	leaf := &Part{Type: "text", Subtype: "plain", Encoding: "7bit", BodySize: 4, Lines: 1}
	root := &Part{Type: "multipart", Subtype: "mixed", Encoding: "7bit", Children: []*Part{leaf}}
	empty := &Part{Type: "text", Subtype: "html", Encoding: "base64"}
	for _, p := range []*Part{leaf, root, empty} {
		for _, r := range []io.Reader{
			p.Header().Reader(msg), p.Body().Reader(msg), p.Whole().Reader(msg), TransferDecoded(msg, p), DecodedBody(msg, p),
		} {
			n, err := io.Copy(io.Discard, r)
			require.ErrorIs(t, err, ErrNotLocated)
			require.Zero(t, n)
		}
		for kind := SectionBody; kind <= SectionMIME; kind++ {
			_, ok := p.Section(nil, kind)
			require.False(t, ok)
			_, ok = p.Section([]int{1}, kind)
			require.False(t, ok)
		}
	}
	enc, err := (&Summary{Root: root}).AppendBinary(nil)
	require.NoError(t, err)
	var back Summary
	require.NoError(t, back.UnmarshalBinary(enc))
	require.Equal(t, root, back.Root, "it is stored as it is")
}
