package message

import (
	"strings"
	"time"
)

// ParseDate reads a date and time as defined in RFC 5322 §3.3 and §4.3, and
// other forms that occur in mail: comments, years of two or three digits, named
// zones, missing seconds, time or zone, the order of asctime, dashes between
// day, month and year, and RFC 3339. Without a zone, or with an unknown one,
// the time is UTC.
func ParseDate(s string) (t time.Time, ok bool) {
	if iso := strings.TrimSpace(s); len(iso) > 10 && iso[4] == '-' && iso[7] == '-' {
		if t, err := time.Parse(time.RFC3339, iso); err == nil {
			return t, true
		}
	}
	d := dateParser{day: -1, year: -1}
	d.read(string(plainDate(make([]byte, 0, maxDate), s)))
	if d.bad || d.day < 1 || d.month == 0 || d.year < 0 {
		return time.Time{}, false
	}
	loc := time.UTC
	if d.zone != 0 {
		loc = time.FixedZone("", d.zone)
	}
	t = time.Date(d.year, d.month, d.day, d.hour, d.min, d.sec, 0, loc)
	if t.Day() != d.day && d.sec < 60 {
		return time.Time{}, false // 31 February
	}
	return t, true
}

// maxDate is how many octets of a date are read, not counting comments.
const maxDate = 100

// plainDate appends s without comments, without blanks around colons (RFC 5322
// §4.3 allows both in a time), and with other runs of blanks reduced to one.
func plainDate(dst []byte, s string) []byte {
	depth := 0
	for i := 0; i < len(s) && len(dst) < maxDate; i++ {
		c := s[i]
		switch {
		case c == '(':
			depth++
			c = ' '
		case c == ')' && depth > 0:
			depth--
			continue
		case depth > 0:
			continue
		case c == '\t' || c == '\r' || c == '\n':
			c = ' '
		}
		last := byte(' ')
		if len(dst) > 0 {
			last = dst[len(dst)-1]
		}
		switch {
		case c == ' ' && (last == ' ' || last == ':'):
			continue
		case c == ':' && last == ' ' && len(dst) > 0:
			dst = dst[:len(dst)-1]
		}
		dst = append(dst, c)
	}
	return dst
}

type dateParser struct {
	day, year      int
	month          time.Month
	hour, min, sec int
	timed          bool // a time of day was read
	zone           int  // seconds east of UTC
	bad            bool
}

// read accepts the tokens of a date in any order: the form of each token says
// what it is.
func (d *dateParser) read(s string) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isDigit(c):
			j := i
			for j < len(s) && (isDigit(s[j]) || s[j] == ':' || s[j] == '.' && d.timeAt(s, i)) {
				j++
			}
			d.number(s[i:j])
			i = j
		case isLetter(c):
			j := i
			for j < len(s) && isLetter(s[j]) {
				j++
			}
			d.name(s[i:j])
			i = j
		case (c == '+' || c == '-') && d.timed && i+1 < len(s) && isDigit(s[i+1]):
			j := i + 1
			for j < len(s) && (isDigit(s[j]) || s[j] == ':') {
				j++
			}
			d.offset(c == '-', strings.ReplaceAll(s[i+1:j], ":", ""))
			i = j
		default:
			i++
		}
	}
}

// timeAt reports whether a time such as 10:20:30.5 or 10.20.30 stands at i.
func (d *dateParser) timeAt(s string, i int) bool {
	n := 0
	for i < len(s) && isDigit(s[i]) {
		i++
		n++
	}
	return !d.timed && n <= 2 && i < len(s) && (s[i] == ':' || s[i] == '.' && d.month != 0)
}

func (d *dateParser) number(s string) {
	if strings.ContainsAny(s, ":.") {
		d.time(s)
		return
	}
	if len(s) > 4 {
		d.bad = true
		return
	}
	n := atoi(s)
	switch {
	case d.day < 0 && len(s) <= 2 && n <= 31:
		d.day = n
	case d.year < 0:
		d.year = n
		switch { // RFC 5322 §4.3
		case len(s) <= 2 && n < 50:
			d.year += 2000
		case len(s) <= 3:
			d.year += 1900
		}
	default:
		d.bad = true
	}
}

func (d *dateParser) time(s string) {
	if d.timed {
		d.bad = true
		return
	}
	d.timed = true
	var f [3]int
	i := 0
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ':' || r == '.' }) {
		if i == len(f) {
			break // fractions of a second
		}
		if len(part) > 2 {
			d.bad = true
			return
		}
		f[i] = atoi(part)
		i++
	}
	d.hour, d.min, d.sec = f[0], f[1], f[2]
	if d.hour > 23 || d.min > 59 || d.sec > 60 {
		d.bad = true
	}
}

func (d *dateParser) name(s string) {
	if len(s) >= 3 && d.month == 0 {
		if i := strings.Index(monthNames, strings.ToLower(s[:3])); i >= 0 && i%3 == 0 {
			d.month = time.Month(i/3 + 1)
			return
		}
	}
	switch s = strings.ToUpper(s); s {
	case "PM":
		if d.timed && d.hour < 12 {
			d.hour += 12
		}
		return
	case "AM":
		if d.timed && d.hour == 12 {
			d.hour = 0
		}
		return
	}
	if d.timed && d.zone == 0 {
		// Unknown names, and the military letters, which RFC 822 had with the
		// wrong sign, mean UTC (RFC 5322 §4.3).
		d.zone = zoneHours(s) * 3600
	}
}

const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec"

func zoneHours(s string) int {
	switch s {
	case "EDT", "AST":
		return -4
	case "EST", "CDT":
		return -5
	case "CST", "MDT":
		return -6
	case "MST", "PDT":
		return -7
	case "PST":
		return -8
	case "CET", "MET", "BST":
		return 1
	case "CEST", "MEST", "EET":
		return 2
	case "EEST", "MSK":
		return 3
	case "JST", "KST":
		return 9
	}
	return 0
}

// offset reads the digits of a zone such as 0100 or 1.
func (d *dateParser) offset(west bool, s string) {
	if len(s) > 4 {
		return
	}
	n := atoi(s)
	h, m := n/100, n%100
	if len(s) <= 2 {
		h, m = n, 0
	}
	if h > 23 || m > 59 {
		return
	}
	d.zone = h*3600 + m*60
	if west {
		d.zone = -d.zone
	}
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// atoi reads at most a few digits, which the caller has checked.
func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
