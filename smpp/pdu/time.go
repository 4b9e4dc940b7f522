package pdu

import (
	"errors"
	"fmt"
	"time"
)

// ErrTime is wrapped by ParseTime's error.
var ErrTime = errors.New("pdu: malformed time")

// AbsoluteTime returns t as a schedule_delivery_time or validity_period of 16
// octets, "YYMMDDhhmmsstnnp" (SMPP 3.4 section 7.1.1), with t's own offset from
// UTC in quarters of an hour. Years are 2000 to 2099; others lose their century.
func AbsoluteTime(t time.Time) []byte {
	_, offset := t.Zone()
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	quarters := offset / (15 * 60)
	if quarters > 48 { // the field ends at 12 hours; UTC says the same instant
		t, quarters, sign = t.UTC(), 0, '+'
	}
	b := t.AppendFormat(make([]byte, 0, 16), "060102150405")
	b = append(b, byte('0'+t.Nanosecond()/100_000_000))
	return append(b, byte('0'+quarters/10), byte('0'+quarters%10), sign)
}

// RelativeTime returns d as a time of 16 octets that counts from when the message
// centre receives it (SMPP 3.4 section 7.1.1.2). d is rounded up to a second and
// held within 0 and 99 years. From 30 days on it counts months as 30 days and
// years as 360: use AbsoluteTime where that is not good enough.
func RelativeTime(d time.Duration) []byte {
	const day = 24 * time.Hour
	d = max(0, min(d, 99*360*day))
	s := int64((d + time.Second - 1) / time.Second)
	days := s / 86400
	years, days := days/360, days%360
	months, days := days/30, days%30
	return fmt.Appendf(nil, "%02d%02d%02d%02d%02d%02d000R", years, months, days, s/3600%24, s/60%60, s%60)
}

// ParseTime reads an absolute or relative time of 16 octets; a relative one counts
// from now, with calendar years and months. Empty is the zero time, which in
// schedule_delivery_time means at once and in validity_period the message
// centre's default.
func ParseTime(b []byte, now time.Time) (time.Time, error) {
	if len(b) == 0 {
		return time.Time{}, nil
	}
	if len(b) != 16 {
		return time.Time{}, fmt.Errorf("%w: %d octets, not 16", ErrTime, len(b))
	}
	var n [6]int // years to seconds
	for i := range 6 {
		v, ok := twoDigits(b[2*i:])
		if !ok {
			return time.Time{}, fmt.Errorf("%w: no digit in octets %d and %d", ErrTime, 2*i, 2*i+1)
		}
		n[i] = v
	}
	quarters, ok := twoDigits(b[13:])
	if !ok || b[12] < '0' || b[12] > '9' {
		return time.Time{}, fmt.Errorf("%w: no digit in octets 12 to 14", ErrTime)
	}
	if b[15] == 'R' {
		clock := time.Duration(n[3])*time.Hour + time.Duration(n[4])*time.Minute + time.Duration(n[5])*time.Second
		return now.AddDate(n[0], n[1], n[2]).Add(clock), nil
	}
	if b[15] != '+' && b[15] != '-' {
		return time.Time{}, fmt.Errorf("%w: octet 15 is not +, - or R", ErrTime)
	}
	offset := quarters * 15 * 60
	if b[15] == '-' {
		offset = -offset
	}
	loc := time.UTC
	if offset != 0 {
		loc = time.FixedZone("", offset)
	}
	t := time.Date(2000+n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], int(b[12]-'0')*100_000_000, loc)
	if int(t.Month()) != n[1] || t.Day() != n[2] || t.Hour() != n[3] || t.Minute() != n[4] || t.Second() != n[5] {
		return time.Time{}, fmt.Errorf("%w: no such date", ErrTime)
	}
	return t, nil
}

func twoDigits(b []byte) (int, bool) {
	hi, lo := b[0]-'0', b[1]-'0'
	return int(hi)*10 + int(lo), hi <= 9 && lo <= 9
}
