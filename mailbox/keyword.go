package mailbox

import "fmt"

// ValidKeywords reports whether all keywords of a set can be added to messages: none
// may have more than lim.MaxKeywordLength octets. The error wraps ErrLimit.
//
// Messages that have a longer keyword already keep it, also when they are copied.
func ValidKeywords(flags FlagSet, lim Limits) error {
	longest := lim.WithDefaults().MaxKeywordLength
	for _, f := range flags.Keywords() {
		if longest > 0 && len(f) > longest {
			return fmt.Errorf("%w: a keyword of more than %d octets", ErrLimit, longest)
		}
	}
	return nil
}
