package smtp

// The parameters of RFC 4141: conPermParam is CONPERM of §3, conNegParam CONNEG of
// §4.
var (
	conPermParam = flagParam("CONPERM", ExtConPerm, func(o *MailOptions) *bool { return &o.ConversionPermitted })
	conNegParam  = flagParam("CONNEG", ExtConNeg, func(o *RcptOptions) *bool { return &o.ConversionNegotiated })
)
