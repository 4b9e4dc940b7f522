package menus

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxTyped bounds what is looked at of an answer; a USSD string cannot be longer.
const maxTyped = 200

// typed is what a customer typed, with the space around it gone and the digits
// of other scripts made plain.
func typed(t Typed) string {
	s := strings.TrimSpace(string(t))
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= utf8.RuneSelf {
			return foreign(s)
		}
	}
	return s
}

func foreign(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return r - '٠' + '0'
		case r >= '۰' && r <= '۹':
			return r - '۰' + '0'
		case r == utf8.RuneError:
			return -1
		}
		return r
	}, s))
}

// parse turns an answer into the type's canonical form, or says that it does not
// fit. Secrets come out as they are: the caller seals them.
func (s *inputSpec) parse(v string, env *Env, now time.Time) (string, bool) {
	if v == "" || len(v) > maxTyped {
		return "", false
	}
	switch s.typ {
	case typeMSISDN:
		return parseMSISDN(v, env.Country)
	case typeMoney:
		return s.parseMoney(v, env.Currency)
	case typeNumber:
		if !isDigits(v) || !s.fits(v) {
			return "", false
		}
		if s.hasMin || s.hasMax {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || s.hasMin && n < s.min || s.hasMax && n > s.max {
				return "", false
			}
		}
		return v, true
	case typeSecret:
		return v, isDigits(v) && s.fits(v)
	case typeDate:
		return s.parseDate(v, now)
	case typeText:
		c := clean(v, maxTyped)
		return c, c != "" && s.fits(c)
	}
	return "", false
}

func (s *inputSpec) fits(v string) bool {
	n := len(v)
	if s.typ == typeText {
		n = utf8.RuneCountInString(v)
	}
	if s.maxLen > 0 && (n < s.minLen || n > s.maxLen) {
		return false
	}
	return s.pattern == nil || s.pattern.MatchString(v)
}

// MSISDN is a number in E.164 digits, however it is written: nationally,
// internationally with or without "+" or "00", or without any prefix. ok says
// whether it is one of the country's.
func (c Country) MSISDN(written string) (msisdn string, ok bool) { return parseMSISDN(written, c) }

// parseMSISDN accepts a number as it is written nationally, internationally with
// or without "+" or "00", or without any prefix; spaces and dashes do not count.
func parseMSISDN(v string, c Country) (string, bool) {
	if strings.ContainsAny(v, " -.") {
		v = strings.NewReplacer(" ", "", "-", "", ".", "").Replace(v)
	}
	full := len(c.Prefix) + c.National
	if rest, ok := strings.CutPrefix(v, "+"); ok {
		return rest, len(rest) == full && isDigits(rest) && strings.HasPrefix(rest, c.Prefix)
	}
	if !isDigits(v) {
		return "", false
	}
	switch {
	case len(v) == full && strings.HasPrefix(v, c.Prefix):
		return v, true
	case len(v) == full+2 && strings.HasPrefix(v, "00"+c.Prefix):
		return v[2:], true
	case len(v) == len(c.Trunk)+c.National && c.Trunk != "" && strings.HasPrefix(v, c.Trunk):
		return c.Prefix + v[len(c.Trunk):], true
	case len(v) == c.National && (c.Trunk == "" || !strings.HasPrefix(v, c.Trunk)):
		return c.Prefix + v, true
	}
	return "", false
}

func (s *inputSpec) parseMoney(v string, c Currency) (string, bool) {
	n, ok := parseMinor(v, c.Minor)
	if !ok || n <= 0 || s.hasMin && n < s.min || s.hasMax && n > s.max {
		return "", false
	}
	if c.Minor == 0 && v[0] != '0' && isDigits(v) {
		return v, true
	}
	return formatMinor(n, c.Minor), true
}

// parseMinor reads an amount into minor units: digits, with commas or spaces
// between groups of three, and a point before the minor digits.
func parseMinor(v string, minor int) (int64, bool) {
	whole, frac, point := strings.Cut(v, ".")
	if strings.ContainsAny(whole, ", ") {
		groups := strings.FieldsFunc(whole, func(r rune) bool { return r == ',' || r == ' ' })
		for i, g := range groups {
			if len(g) != 3 && i > 0 || len(g) > 3 {
				return 0, false
			}
		}
		whole = strings.Join(groups, "")
	}
	if !isDigits(whole) || len(whole) > 13 || point && (minor == 0 || !isDigits(frac) || len(frac) > minor) {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, false
	}
	for i := range minor {
		n *= 10
		if i < len(frac) {
			n += int64(frac[i] - '0')
		}
	}
	return n, true
}

func formatMinor(n int64, minor int) string {
	s := strconv.FormatInt(n, 10)
	if minor == 0 {
		return s
	}
	if pad := minor + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	return s[:len(s)-minor] + "." + s[len(s)-minor:]
}

// parseDate accepts 31122026, 311226, 31/12/2026, 31-12-26 and 31.12.2026: day,
// month, year.
func (s *inputSpec) parseDate(v string, now time.Time) (string, bool) {
	digits := strings.NewReplacer("/", "", "-", "", ".", "", " ", "").Replace(v)
	if digits != v {
		parts := strings.FieldsFunc(v, func(r rune) bool { return r < '0' || r > '9' })
		if len(parts) != 3 || len(parts[0]) > 2 || len(parts[1]) > 2 {
			return "", false
		}
		digits = ("0" + parts[0])[len(parts[0])-1:] + ("0" + parts[1])[len(parts[1])-1:] + parts[2]
	}
	layout := "02012006"
	if len(digits) == 6 {
		layout = "020106"
	}
	t, err := time.Parse(layout, digits)
	if err != nil {
		return "", false
	}
	y, m, d := now.Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if s.minDate.set && t.Before(s.minDate.on(today)) || s.maxDate.set && t.After(s.maxDate.on(today)) {
		return "", false
	}
	return t.Format(time.DateOnly), true
}

func (d dateBound) on(today time.Time) time.Time {
	if d.relative {
		return today.AddDate(0, 0, d.days)
	}
	return d.day
}

// cleanValue makes a value from outside fit for its type: what is not an amount
// or a number of that type counts as not given.
func cleanValue(t valueType, v string) string {
	switch t {
	case typeMoney:
		whole, frac, point := strings.Cut(strings.TrimPrefix(v, "-"), ".")
		if !isDigits(whole) || point && !isDigits(frac) || len(v) > 20 {
			return ""
		}
		return v
	case typeNumber, typeMSISDN:
		return clean(v, 40)
	}
	return clean(v, 100)
}
