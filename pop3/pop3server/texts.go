package pop3server

// The texts of replies. They are the keys of translations: see Language.
const (
	textReady        = "ready"
	textBye          = "Bye"
	textClosing      = "Server shutting down"
	textTooMany      = "Too many connections"
	textInternal     = "Internal error"
	textHTTP         = "This is not HTTP"
	textUnknown      = "Unknown command"
	textSyntax       = "Syntax error in the arguments"
	textTooLong      = "Line too long"
	textBadLine      = "Malformed line"
	textAuthState    = "Not valid after login"
	textTransState   = "Log in first"
	textTooManyErr   = "Too many errors"
	textTooManyCmd   = "Too many commands"
	textTooCostly    = "Command costs too much"
	textNoMemory     = "No memory for this now"
	textCapa         = "Capability list follows"
	textNoTLS        = "TLS not available"
	textTLSActive    = "TLS already active"
	textTLSAfterUTF8 = "STLS must come before UTF8"
	textBeginTLS     = "Begin TLS negotiation"
	textUTF8         = "UTF8 enabled"
	textNeedTLS      = "Encryption required for this authentication mechanism"
	textNoUser       = "USER and PASS not available"
	textName         = "Password required"
	textNoName       = "Send USER first"
	textNoAPOP       = "APOP not available"
	textNoMechanism  = "Unknown authentication mechanism"
	textMechanisms   = "Mechanisms follow"
	textAuthFailed   = "Authentication failed"
	textAuthDenied   = "Not authorized to act as that user"
	textAuthExpired  = "Credentials have expired"
	textAuthMalform  = "Malformed authentication exchange"
	textAuthCancel   = "Authentication cancelled"
	textAuthLater    = "Temporary authentication failure"
	textInUse        = "Maildrop is locked by another session"
	textLoginDelay   = "Logged in too recently"
	textNoMaildrop   = "No maildrop for this user"
	textUnavailable  = "Maildrop temporarily unavailable"
	textLoggedIn     = "Logged in"
	textNoSuch       = "No such message"
	textDeletedMsg   = "Message already deleted"
	textGone         = "Message no longer exists"
	textDamaged      = "Message is damaged"
	textNeedsUTF8    = "Message requires UTF-8 mode"
	textReadOnly     = "Maildrop is read-only"
	textDeleted      = "Message deleted"
	textListing      = "Listing follows"
	textTop          = "Top of message follows"
	textReset        = "Maildrop reset"
	textNoop         = "Done"
	textNotRemoved   = "Deleted messages not removed"
	textLanguages    = "Languages follow"
	textLanguage     = "Language changed"
	textNoLanguage   = "No such language"
	textMessages     = "messages"
	textOctets       = "octets"
)

// Texts returns the texts that the server sends, for translators. "messages"
// and "octets" follow numbers.
func Texts() []string {
	return []string{
		textReady, textBye, textClosing, textTooMany, textInternal, textHTTP, textUnknown, textSyntax, textTooLong, textBadLine,
		textAuthState, textTransState, textTooManyErr, textTooManyCmd, textTooCostly, textNoMemory, textCapa, textNoTLS, textTLSActive, textTLSAfterUTF8, textBeginTLS,
		textUTF8, textNeedTLS, textNoUser, textName, textNoName, textNoAPOP, textNoMechanism, textMechanisms,
		textAuthFailed, textAuthDenied, textAuthExpired, textAuthMalform, textAuthCancel, textAuthLater, textInUse,
		textLoginDelay, textNoMaildrop, textUnavailable, textLoggedIn, textNoSuch, textDeletedMsg, textGone,
		textDamaged, textNeedsUTF8, textReadOnly, textDeleted, textListing, textTop, textReset, textNoop, textNotRemoved, textLanguages,
		textLanguage, textNoLanguage, textMessages, textOctets,
	}
}
