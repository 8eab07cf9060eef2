package imap

import (
	"errors"
	"time"
)

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// AppendDate appends the day of t as a date-text (RFC 9051 §9): 1-Feb-1994.
func AppendDate(dst []byte, t time.Time) []byte {
	y, m, d := t.Date()
	if d >= 10 {
		dst = append(dst, byte('0'+d/10))
	}
	return appendMonthYear(append(dst, byte('0'+d%10)), m, y)
}

// AppendDateTime appends t as a date-time (RFC 9051 §9) in its own zone, without
// the quotes: " 1-Feb-1994 21:52:25 -0800".
func AppendDateTime(dst []byte, t time.Time) []byte {
	_, zone := t.Zone()
	if zone%60 != 0 { // has no date-time form
		t, zone = t.UTC(), 0
	}
	y, mon, d := t.Date()
	h, m, s := t.Clock()
	tens := byte(' ')
	if d >= 10 {
		tens = byte('0' + d/10)
	}
	dst = appendMonthYear(append(dst, tens, byte('0'+d%10)), mon, y)
	dst = append2(append(dst, ' '), h)
	dst = append2(append(dst, ':'), m)
	dst = append2(append(dst, ':'), s)
	sign := byte('+')
	if zone < 0 {
		sign, zone = '-', -zone
	}
	dst = append2(append(dst, ' ', sign), zone/3600)
	return append2(dst, zone/60%60)
}

func appendMonthYear(dst []byte, m time.Month, y int) []byte {
	y = min(max(y, 0), 9999)
	dst = append(dst, '-')
	dst = append(dst, months[3*(m-1):3*m]...)
	dst = append(dst, '-')
	return append2(append2(dst, y/100), y%100)
}

func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }

var errDate = errors.New("imap: invalid date")

// ParseDate reads a date-text, without quotes. The result is midnight UTC.
func ParseDate(s string) (time.Time, error) {
	y, m, d, rest, ok := cutDate(s)
	if !ok || rest != "" {
		return time.Time{}, errDate
	}
	return civil(y, m, d, 0, 0, 0, time.UTC)
}

// ParseDateTime reads a date-time, without quotes. The day may have one digit
// with or without a blank before it, since some clients omit it.
func ParseDateTime(s string) (time.Time, error) {
	if len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	y, mon, d, s, ok := cutDate(s)
	// " 21:52:25 -0800"
	if !ok || len(s) != 15 || s[0] != ' ' || s[3] != ':' || s[6] != ':' || s[9] != ' ' || (s[10] != '+' && s[10] != '-') {
		return time.Time{}, errDate
	}
	h, ok1 := digits(s[1:3])
	m, ok2 := digits(s[4:6])
	sec, ok3 := digits(s[7:9])
	zh, ok4 := digits(s[11:13])
	zm, ok5 := digits(s[13:15])
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || h > 23 || m > 59 || sec > 60 || zh > 23 || zm > 59 {
		return time.Time{}, errDate
	}
	zone := time.UTC
	if off := zh*3600 + zm*60; off != 0 {
		if s[10] == '-' {
			off = -off
		}
		zone = time.FixedZone("", off)
	}
	return civil(y, mon, d, h, m, sec, zone)
}

// civil rejects days that the month does not have, which time.Date would
// normalize into the next month.
func civil(y int, m time.Month, d, h, min, s int, zone *time.Location) (time.Time, error) {
	t := time.Date(y, m, d, h, min, s, 0, zone)
	if s < 60 && (t.Day() != d || t.Month() != m) {
		return time.Time{}, errDate
	}
	return t, nil
}

func cutDate(s string) (y int, m time.Month, d int, rest string, ok bool) {
	n := 1
	if len(s) > 1 && s[1] != '-' {
		n = 2
	}
	if len(s) < n+9 || s[n] != '-' || s[n+4] != '-' {
		return 0, 0, 0, "", false
	}
	d, ok1 := digits(s[:n])
	m = month(s[n+1 : n+4])
	y, ok2 := digits(s[n+5 : n+9])
	return y, m, d, s[n+9:], ok1 && ok2 && m != 0 && d >= 1 && d <= 31
}

func month(s string) time.Month {
	for i := 0; i < len(months); i += 3 {
		if s[0]|0x20 == months[i]|0x20 && s[1]|0x20 == months[i+1]|0x20 && s[2]|0x20 == months[i+2]|0x20 {
			return time.Month(i/3 + 1)
		}
	}
	return 0
}

func digits(s string) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
