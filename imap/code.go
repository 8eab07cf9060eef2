package imap

// Code is the name of a response code, in capitals (RFC 9051 §7.1).
type Code string

// The response codes, by the RFC that defines them. A comment names the
// argument of a code that has one.
const (
	// RFC 3501 §7.1 and RFC 9051 §7.1.
	CodeAlert          Code = "ALERT" // the text must reach the user
	CodeBadCharset     Code = "BADCHARSET"
	CodeCapability     Code = "CAPABILITY"
	CodeParse          Code = "PARSE"
	CodePermanentFlags Code = "PERMANENTFLAGS"
	CodeReadOnly       Code = "READ-ONLY"
	CodeReadWrite      Code = "READ-WRITE"
	CodeTryCreate      Code = "TRYCREATE"
	CodeUIDNext        Code = "UIDNEXT"
	CodeUIDValidity    Code = "UIDVALIDITY"
	CodeUnseen         Code = "UNSEEN"
	CodeClosed         Code = "CLOSED"      // RFC 7162 §3.2.11
	CodeHasChildren    Code = "HASCHILDREN" // RFC 9051 §6.3.5
	CodeUIDNotSticky   Code = "UIDNOTSTICKY"
	CodeAppendUID      Code = "APPENDUID"
	CodeCopyUID        Code = "COPYUID"
	CodeUnknownCTE     Code = "UNKNOWN-CTE"
	CodeNotSaved       Code = "NOTSAVED" // RFC 5182 §2.1

	// RFC 5530 §3.
	CodeUnavailable          Code = "UNAVAILABLE"
	CodeAuthenticationFailed Code = "AUTHENTICATIONFAILED"
	CodeAuthorizationFailed  Code = "AUTHORIZATIONFAILED"
	CodeExpired              Code = "EXPIRED"
	CodePrivacyRequired      Code = "PRIVACYREQUIRED"
	CodeContactAdmin         Code = "CONTACTADMIN"
	CodeNoPerm               Code = "NOPERM"
	CodeInUse                Code = "INUSE"
	CodeExpungeIssued        Code = "EXPUNGEISSUED"
	CodeCorruption           Code = "CORRUPTION"
	CodeServerBug            Code = "SERVERBUG"
	CodeClientBug            Code = "CLIENTBUG"
	CodeCannot               Code = "CANNOT"
	CodeLimit                Code = "LIMIT"
	CodeOverQuota            Code = "OVERQUOTA"
	CodeAlreadyExists        Code = "ALREADYEXISTS"
	CodeNonExistent          Code = "NONEXISTENT"

	// Extensions.
	CodeTooBig               Code = "TOOBIG"            // RFC 4469 §4.2, RFC 7889 §4
	CodeBadURL               Code = "BADURL"            // RFC 4469 §4.1
	CodeReferral             Code = "REFERRAL"          // RFC 2221 §3, RFC 2193 §3
	CodeHighestModSeq        Code = "HIGHESTMODSEQ"     // RFC 7162 §3.1.2.1
	CodeNoModSeq             Code = "NOMODSEQ"          // RFC 7162 §3.1.2.2
	CodeModified             Code = "MODIFIED"          // RFC 7162 §3.1.3
	CodeCompressionActive    Code = "COMPRESSIONACTIVE" // RFC 4978 §3
	CodeUseAttr              Code = "USEATTR"           // RFC 6154 §3
	CodeMetadata             Code = "METADATA"          // RFC 5464 §4.2
	CodeNotificationOverflow Code = "NOTIFICATIONOVERFLOW"
	CodeBadEvent             Code = "BADEVENT" // RFC 5465 §5
	CodeUndefinedFilter      Code = "UNDEFINED-FILTER"
	CodeNoUpdate             Code = "NOUPDATE"      // RFC 5267 §4.3
	CodeBadComparator        Code = "BADCOMPARATOR" // RFC 5255 §4
	CodeMailboxID            Code = "MAILBOXID"     // RFC 8474 §4
	CodeInProgress           Code = "INPROGRESS"    // RFC 9585 §4
	CodeUIDRequired          Code = "UIDREQUIRED"   // RFC 9586 §3
	CodeMessageLimit         Code = "MESSAGELIMIT"  // RFC 9738
	CodeTooMany              Code = "TOOMANY"       // RFC 10022
	CodeAnnotate             Code = "ANNOTATE"      // RFC 5257 §4.5
	CodeAnnotations          Code = "ANNOTATIONS"   // RFC 5257 §4.2
	CodeURLMech              Code = "URLMECH"       // RFC 4467 §8
)
