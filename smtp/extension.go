package smtp

import (
	"math/bits"
	"strings"
)

// An Extension is a service extension that a server can announce in its reply
// to EHLO.
type Extension uint8

// The extensions that this package knows.
const (
	ExtPipelining    Extension = iota // RFC 2920
	ExtSize                           // RFC 1870
	Ext8BitMIME                       // RFC 6152
	ExtSMTPUTF8                       // RFC 6531
	ExtEnhancedCodes                  // RFC 2034
	ExtStartTLS                       // RFC 3207
	ExtAuth                           // RFC 4954
	ExtChunking                       // RFC 3030
	ExtBinaryMIME                     // RFC 3030
	ExtDSN                            // RFC 3461
	ExtRequireTLS                     // RFC 8689
	ExtMTPriority                     // RFC 6710
	ExtDeliverBy                      // RFC 2852
	ExtFutureRelease                  // RFC 4865
	ExtLimits                         // RFC 9422
	ExtRRVS                           // RFC 7293
	ExtNoSoliciting                   // RFC 3865
	ExtBURL                           // RFC 4468
	ExtETRN                           // RFC 1985
	ExtMTRK                           // RFC 3885
	ExtConPerm                        // RFC 4141
	ExtConNeg                         // RFC 4141
	ExtVRFY                           // RFC 5321 §3.5.3
	ExtEXPN                           // RFC 1869
	ExtHelp                           // RFC 1869
	ExtXClient                        // Postfix
	ExtXForward                       // Postfix

	numExtensions
)

// extensionNames are the EHLO keywords in the order of the constants.
var extensionNames = [numExtensions]string{
	"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "STARTTLS", "AUTH",
	"CHUNKING", "BINARYMIME", "DSN", "REQUIRETLS", "MT-PRIORITY", "DELIVERBY", "FUTURERELEASE",
	"LIMITS", "RRVS", "NO-SOLICITING", "BURL", "ETRN", "MTRK", "CONPERM", "CONNEG",
	"VRFY", "EXPN", "HELP", "XCLIENT", "XFORWARD",
}

// String returns the EHLO keyword.
func (e Extension) String() string {
	if e < numExtensions {
		return extensionNames[e]
	}
	return "?"
}

// LookupExtension finds an extension by its EHLO keyword, without regard to
// case.
func LookupExtension(keyword string) (Extension, bool) {
	for i, name := range extensionNames {
		if len(name) == len(keyword) && strings.EqualFold(name, keyword) {
			return Extension(i), true
		}
	}
	return 0, false
}

// An ExtensionSet is a set of extensions.
type ExtensionSet uint64

// ExtensionsOf makes a set.
func ExtensionsOf(exts ...Extension) ExtensionSet {
	var s ExtensionSet
	for _, e := range exts {
		s = s.With(e)
	}
	return s
}

// Has reports whether e is in the set.
func (s ExtensionSet) Has(e Extension) bool { return s&(1<<e) != 0 }

// With returns the set with e in it.
func (s ExtensionSet) With(e Extension) ExtensionSet { return s | 1<<e }

// Without returns the set without e.
func (s ExtensionSet) Without(e Extension) ExtensionSet { return s &^ (1 << e) }

// Len returns the number of extensions in the set.
func (s ExtensionSet) Len() int { return bits.OnesCount64(uint64(s)) }

// String lists the keywords, separated by spaces.
func (s ExtensionSet) String() string {
	var names []string
	for e := range numExtensions {
		if s.Has(e) {
			names = append(names, e.String())
		}
	}
	return strings.Join(names, " ")
}
