package smtp

// smtputf8Param is SMTPUTF8 of RFC 6531 §3.4.
var smtputf8Param = flagParam("SMTPUTF8", ExtSMTPUTF8, func(o *MailOptions) *bool { return &o.UTF8 })
