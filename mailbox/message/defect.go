package message

import "strconv"

// A Defect is a violation of the standards in a message that the parser has
// worked around. It implements error so that errors.Is(defect, DefectNoColon)
// reports its kind.
type Defect struct {
	Kind   DefectKind
	Offset int64  // where in the message: the start of the field, line or part
	Field  string // the name of the header field, if it is about one
}

// Error describes the defect.
func (d Defect) Error() string {
	s := d.Kind.Error()
	if d.Field != "" {
		s = d.Field + ": " + s
	}
	return s + " at octet " + strconv.FormatInt(d.Offset, 10)
}

// Unwrap returns the kind.
func (d Defect) Unwrap() error { return d.Kind }

// DefectKind says what is wrong.
type DefectKind uint8

// The kinds of Defect.
const (
	DefectNoColon          DefectKind = iota + 1 // a header line that is not a field; skipped
	DefectMboxFrom                               // an mbox "From " line before the header; skipped
	DefectStrayFold                              // the header starts with a folded line; skipped
	DefectLineEnd                                // a line of the header ends in CR CR LF
	DefectControl                                // NUL or bare CR in a field; read as a space
	DefectDuplicate                              // a field that may occur once occurs again; the first counts
	DefectHeaderSize                             // the header exceeds the limit; the rest is ignored
	DefectFieldCount                             // more fields than the limit; the rest is ignored
	DefectAddressCount                           // more addresses than the limit; the rest is ignored
	DefectAddress                                // a malformed address list; addresses were guessed
	DefectDate                                   // a date that can't be understood
	DefectContentType                            // a Content-Type that can't be understood; read as text/plain
	DefectParam                                  // a parameter that can't be understood, or too many of them
	DefectNoBoundary                             // a multipart without a usable boundary parameter
	DefectNoParts                                // a multipart whose boundary does not occur
	DefectNoEnd                                  // a multipart without its last boundary
	DefectEncodedContainer                       // a transfer encoding where RFC 2045 §6.4 allows none
	DefectDepth                                  // nested deeper than the limit
	DefectPartCount                              // more parts than the limit
	DefectCharset                                // an unknown charset
	DefectEncodedWord                            // an encoded word whose base64 or Q text is broken
	DefectRaw8bit                                // octets above 127 that are not UTF-8
	defectKinds
)

var defectTexts = [defectKinds]string{
	DefectNoColon:          "header line without a field name",
	DefectMboxFrom:         "mbox From line before the header",
	DefectStrayFold:        "header starts with a folded line",
	DefectLineEnd:          "line ends in CR CR LF",
	DefectControl:          "NUL or bare CR in a header field",
	DefectDuplicate:        "field stands more than once",
	DefectHeaderSize:       "header too large",
	DefectFieldCount:       "too many header fields",
	DefectAddressCount:     "too many addresses",
	DefectAddress:          "malformed address list",
	DefectDate:             "malformed date",
	DefectContentType:      "malformed content type",
	DefectParam:            "malformed parameter",
	DefectNoBoundary:       "multipart without a boundary",
	DefectNoParts:          "multipart without parts",
	DefectNoEnd:            "multipart without its last boundary",
	DefectEncodedContainer: "transfer encoding on a multipart or message",
	DefectDepth:            "parts nested too deep",
	DefectPartCount:        "too many parts",
	DefectCharset:          "unknown charset",
	DefectEncodedWord:      "malformed encoded word",
	DefectRaw8bit:          "raw 8-bit text that is not UTF-8",
}

// Error describes the kind.
func (k DefectKind) Error() string {
	if int(k) < len(defectTexts) && defectTexts[k] != "" {
		return defectTexts[k]
	}
	return "unknown defect"
}
