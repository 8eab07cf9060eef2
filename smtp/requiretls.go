package smtp

// requireTLSParam is REQUIRETLS of RFC 8689 §2.
var requireTLSParam = flagParam("REQUIRETLS", ExtRequireTLS, func(o *MailOptions) *bool { return &o.RequireTLS })
