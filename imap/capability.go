package imap

import (
	"iter"
	"slices"
	"strings"
)

// Cap is a capability name (RFC 9051 §7.2.2). Names are compared without
// regard to case.
type Cap string

// Capabilities, by the RFC that defines them.
const (
	CapIMAP4rev1        Cap = "IMAP4rev1"             // RFC 3501
	CapIMAP4rev2        Cap = "IMAP4rev2"             // RFC 9051
	CapStartTLS         Cap = "STARTTLS"              // RFC 3501 §6.2.1
	CapLoginDisabled    Cap = "LOGINDISABLED"         // RFC 3501 §6.2.3
	CapIdle             Cap = "IDLE"                  // RFC 2177
	CapNamespace        Cap = "NAMESPACE"             // RFC 2342
	CapID               Cap = "ID"                    // RFC 2971
	CapChildren         Cap = "CHILDREN"              // RFC 3348
	CapMultiAppend      Cap = "MULTIAPPEND"           // RFC 3502
	CapBinary           Cap = "BINARY"                // RFC 3516
	CapLoginReferrals   Cap = "LOGIN-REFERRALS"       // RFC 2221
	CapMailboxReferrals Cap = "MAILBOX-REFERRALS"     // RFC 2193
	CapUnselect         Cap = "UNSELECT"              // RFC 3691
	CapUIDPlus          Cap = "UIDPLUS"               // RFC 4315
	CapESearch          Cap = "ESEARCH"               // RFC 4731
	CapSASLIR           Cap = "SASL-IR"               // RFC 4959
	CapCompressDeflate  Cap = "COMPRESS=DEFLATE"      // RFC 4978
	CapWithin           Cap = "WITHIN"                // RFC 5032
	CapEnable           Cap = "ENABLE"                // RFC 5161
	CapSearchRes        Cap = "SEARCHRES"             // RFC 5182
	CapSort             Cap = "SORT"                  // RFC 5256
	CapListExtended     Cap = "LIST-EXTENDED"         // RFC 5258
	CapESort            Cap = "ESORT"                 // RFC 5267
	CapContextSearch    Cap = "CONTEXT=SEARCH"        // RFC 5267
	CapContextSort      Cap = "CONTEXT=SORT"          // RFC 5267
	CapNotify           Cap = "NOTIFY"                // RFC 5465
	CapFilters          Cap = "FILTERS"               // RFC 5466
	CapListStatus       Cap = "LIST-STATUS"           // RFC 5819
	CapSortDisplay      Cap = "SORT=DISPLAY"          // RFC 5957
	CapSpecialUse       Cap = "SPECIAL-USE"           // RFC 6154
	CapCreateSpecialUse Cap = "CREATE-SPECIAL-USE"    // RFC 6154
	CapFuzzy            Cap = "SEARCH=FUZZY"          // RFC 6203
	CapMove             Cap = "MOVE"                  // RFC 6851
	CapUTF8Accept       Cap = "UTF8=ACCEPT"           // RFC 6855
	CapUTF8Only         Cap = "UTF8=ONLY"             // RFC 6855
	CapCondStore        Cap = "CONDSTORE"             // RFC 7162
	CapQResync          Cap = "QRESYNC"               // RFC 7162
	CapMultiSearch      Cap = "MULTISEARCH"           // RFC 7377
	CapLiteralPlus      Cap = "LITERAL+"              // RFC 7888
	CapLiteralMinus     Cap = "LITERAL-"              // RFC 7888
	CapUnauthenticate   Cap = "UNAUTHENTICATE"        // RFC 8437
	CapStatusSize       Cap = "STATUS=SIZE"           // RFC 8438
	CapListMyRights     Cap = "LIST-MYRIGHTS"         // RFC 8440
	CapObjectID         Cap = "OBJECTID"              // RFC 8474
	CapSaveDate         Cap = "SAVEDATE"              // RFC 8514
	CapPreview          Cap = "PREVIEW"               // RFC 8970
	CapAppendLimit      Cap = "APPENDLIMIT"           // RFC 7889; also with "=" and a number
	CapQuota            Cap = "QUOTA"                 // RFC 9208, RFC 2087
	CapQuotaSet         Cap = "QUOTASET"              // RFC 9208
	CapACL              Cap = "ACL"                   // RFC 4314, RFC 2086
	CapMetadata         Cap = "METADATA"              // RFC 5464
	CapMetadataServer   Cap = "METADATA-SERVER"       // RFC 5464: of the server only
	CapCatenate         Cap = "CATENATE"              // RFC 4469
	CapReplace          Cap = "REPLACE"               // RFC 8508
	CapURLAuth          Cap = "URLAUTH"               // RFC 4467
	CapURLAuthBinary    Cap = "URLAUTH=BINARY"        // RFC 5524
	CapURLPartial       Cap = "URL-PARTIAL"           // RFC 5550: ";partial=" in the URLs of CATENATE and URLAUTH
	CapLanguage         Cap = "LANGUAGE"              // RFC 5255
	CapI18NLevel1       Cap = "I18NLEVEL=1"           // RFC 5255
	CapI18NLevel2       Cap = "I18NLEVEL=2"           // RFC 5255
	CapJMAPAccess       Cap = "JMAPACCESS"            // RFC 9698
	CapAnnotate         Cap = "ANNOTATE-EXPERIMENT-1" // RFC 5257
	CapGmail            Cap = "X-GM-EXT-1"            // Gmail's own
	CapPartial          Cap = "PARTIAL"               // RFC 9394
	CapInProgress       Cap = "INPROGRESS"            // RFC 9585
	CapUIDOnly          Cap = "UIDONLY"               // RFC 9586
	CapListMetadata     Cap = "LIST-METADATA"         // RFC 9590
	CapMessageLimit     Cap = "MESSAGELIMIT"          // RFC 9738; with "=" and a number
	CapSaveLimit        Cap = "SAVELIMIT"             // RFC 9738; with "=" and a number
	CapUIDBatches       Cap = "UIDBATCHES"            // RFC 10022

	CapThreadPrefix   = "THREAD="    // followed by a search.Algorithm (RFC 5256)
	CapAuthPrefix     = "AUTH="      // followed by a SASL mechanism's name
	CapRightsPrefix   = "RIGHTS="    // followed by letters: rights besides those of RFC 2086 (RFC 4314 §2.2)
	CapQuotaResPrefix = "QUOTA=RES-" // followed by a resource's name (RFC 9208 §3.1)
)

// CapSet is a set of capabilities that keeps their order. The zero value is
// empty. Methods return a new set instead of changing it.
type CapSet struct {
	caps []Cap
}

// NewCapSet returns a set of these capabilities; of two spellings of a
// capability the first is kept.
func NewCapSet(caps ...Cap) CapSet {
	return CapSet{}.With(caps...)
}

// Has reports whether c is in the set.
func (s CapSet) Has(c Cap) bool { return s.index(c) >= 0 }

func (s CapSet) index(c Cap) int {
	return slices.IndexFunc(s.caps, func(x Cap) bool { return strings.EqualFold(string(x), string(c)) })
}

// With returns the set with caps added at the end.
func (s CapSet) With(caps ...Cap) CapSet {
	out := CapSet{caps: slices.Clip(s.caps)}
	if len(s.caps)+len(caps) > manyCaps {
		return out.withMany(caps)
	}
	for _, c := range caps {
		if !out.Has(c) {
			out.caps = append(out.caps, c)
		}
	}
	return out
}

// manyCaps is more capabilities than any server has. A peer can send thousands.
const manyCaps = 200

func (s CapSet) withMany(caps []Cap) CapSet {
	have := make(map[string]bool, len(s.caps)+len(caps))
	for _, c := range s.caps {
		have[strings.ToUpper(string(c))] = true
	}
	for _, c := range caps {
		if key := strings.ToUpper(string(c)); !have[key] {
			have[key] = true
			s.caps = append(s.caps, c)
		}
	}
	return s
}

// Without returns the set without caps.
func (s CapSet) Without(caps ...Cap) CapSet {
	drop := CapSet{caps: caps}
	var out CapSet
	for _, c := range s.caps {
		if !drop.Has(c) {
			out.caps = append(out.caps, c)
		}
	}
	return out
}

// Len returns how many capabilities there are.
func (s CapSet) Len() int { return len(s.caps) }

// All yields the capabilities in order.
func (s CapSet) All() iter.Seq[Cap] { return slices.Values(s.caps) }

// Mechanisms returns the SASL mechanisms named by AUTH= capabilities, in
// capitals.
func (s CapSet) Mechanisms() []string {
	var out []string
	for _, c := range s.caps {
		if v, ok := c.cut(CapAuthPrefix); ok {
			out = append(out, strings.ToUpper(v))
		}
	}
	return out
}

// Value returns what follows name and "=" in the set, as in APPENDLIMIT=1000.
func (s CapSet) Value(name string) (string, bool) {
	for _, c := range s.caps {
		if v, ok := c.cut(name + "="); ok {
			return v, true
		}
	}
	return "", false
}

func (c Cap) cut(prefix string) (string, bool) {
	if len(c) < len(prefix) || !strings.EqualFold(string(c[:len(prefix)]), prefix) {
		return "", false
	}
	return string(c[len(prefix):]), true
}

// String returns the names separated by spaces, as in a CAPABILITY response.
func (s CapSet) String() string {
	var b strings.Builder
	for i, c := range s.caps {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(c))
	}
	return b.String()
}
