package pop3server

// The texts of replies. They are the keys of translations: see Language.
const (
	textReady        = "ready"
	textBye          = "Bye"
	textClosing      = "The server is shutting down"
	textTooMany      = "Too many connections"
	textInternal     = "Internal error"
	textUnknown      = "Unknown command"
	textSyntax       = "Syntax error in the arguments"
	textTooLong      = "Line too long"
	textBadLine      = "Broken line"
	textAuthState    = "Not valid after login"
	textTransState   = "Log in first"
	textTooManyErr   = "Too many errors"
	textCapa         = "Capability list follows"
	textNoTLS        = "TLS is not available"
	textTLSActive    = "TLS is active already"
	textTLSAfterUTF8 = "STLS must come before UTF8"
	textBeginTLS     = "Begin TLS negotiation"
	textUTF8         = "UTF-8 mode"
	textNeedTLS      = "Encryption is needed to log in this way"
	textNoUser       = "USER and PASS are not available"
	textName         = "Name is taken, send the password"
	textNoName       = "Send USER first"
	textNoAPOP       = "APOP is not available"
	textNoMechanism  = "Unknown authentication mechanism"
	textMechanisms   = "Mechanisms follow"
	textAuthFailed   = "Authentication failed"
	textAuthDenied   = "Not authorized to act as that user"
	textAuthExpired  = "The credentials have expired"
	textAuthMalform  = "Malformed authentication exchange"
	textAuthCancel   = "Authentication cancelled"
	textAuthLater    = "Authentication is not possible now"
	textInUse        = "The maildrop is in use by another session"
	textLoginDelay   = "Logged in too recently"
	textNoMaildrop   = "There is no maildrop for this user"
	textUnavailable  = "The maildrop is not available now"
	textLoggedIn     = "Maildrop is open"
	textNoSuch       = "No such message"
	textDeletedMsg   = "Message is deleted"
	textGone         = "Message is no longer there"
	textNeedsUTF8    = "Message needs UTF-8 mode"
	textDeleted      = "Message will be deleted"
	textListing      = "Listing follows"
	textTop          = "Top of message follows"
	textReset        = "Nothing will be deleted"
	textNoop         = "Done"
	textNotRemoved   = "Deleted messages were not removed"
	textLanguages    = "Languages follow"
	textLanguage     = "Language changed"
	textNoLanguage   = "No such language"
	textMessages     = "messages"
	textOctets       = "octets"
)

// Texts returns the texts that the server sends, for translators. "messages"
// and "octets" stand behind numbers.
func Texts() []string {
	return []string{
		textReady, textBye, textClosing, textTooMany, textInternal, textUnknown, textSyntax, textTooLong, textBadLine,
		textAuthState, textTransState, textTooManyErr, textCapa, textNoTLS, textTLSActive, textTLSAfterUTF8, textBeginTLS,
		textUTF8, textNeedTLS, textNoUser, textName, textNoName, textNoAPOP, textNoMechanism, textMechanisms,
		textAuthFailed, textAuthDenied, textAuthExpired, textAuthMalform, textAuthCancel, textAuthLater, textInUse,
		textLoginDelay, textNoMaildrop, textUnavailable, textLoggedIn, textNoSuch, textDeletedMsg, textGone,
		textNeedsUTF8, textDeleted, textListing, textTop, textReset, textNoop, textNotRemoved, textLanguages,
		textLanguage, textNoLanguage, textMessages, textOctets,
	}
}
