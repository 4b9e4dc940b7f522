package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"nyota/gateway/channel/sms"
	"nyota/gateway/channel/ussd"
	"nyota/gateway/config"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// idForms are the values of response_ids and receipt_ids.
var idForms = map[string]pdu.IDForm{"verbatim": pdu.IDVerbatim, "hex": pdu.IDHexadecimal, "decimal": pdu.IDDecimal}

// versions are the values of version.
var versions = map[string]uint8{"3.3": pdu.Version33, "3.4": pdu.Version34, "5.0": pdu.Version50, "5": pdu.Version50}

// alphabets are the values of alphabet.
var alphabets = map[string]text.Encoding{"gsm": text.GSM7, "latin1": text.Latin1, "ascii": text.ASCII}

// longs are the values of long_messages.
var longs = map[string]sms.Long{"udh8": sms.UDH8, "udh16": sms.UDH16, "sar": sms.SAR, "payload": sms.Payload}

// wheres are the values of a dialect's session.
var wheres = map[string]ussd.Where{"info": ussd.InfoOctet, "wide": ussd.InfoWide, "reference": ussd.Reference, "none": ussd.Nowhere}

// coding is how a link's peer reads data_coding.
func coding(c config.Link) text.Coding {
	return text.Coding{Default: alphabets[c.Alphabet], ASCIIIsGSM7: c.ASCIIIsGSM, Packed: c.Packed}
}

// format is how a link's peer reads SMS, which are never packed: an SMSC does that.
func format(c config.Link) sms.Format {
	f := sms.Format{Coding: coding(c), DCS: uint8(c.SMSDCS), UCS2: uint8(c.SMSUCS2DCS), Long: longs[c.LongMessages]} //nolint:gosec // validated
	f.Coding.Packed = false
	for _, name := range c.ShiftTables {
		f.Languages = append(f.Languages, text.Language(slices.Index(config.ShiftTables[:], name)+1)) //nolint:gosec // 1 to 13
	}
	return f
}

// tolerance is what of a peer's malformed bodies is read.
func tolerance(names []string) pdu.Tolerance {
	return pdu.Tolerance{Unterminated: slices.Contains(names, "unterminated"), ShortTLV: slices.Contains(names, "short_tlv")}
}

// lanes are the numbers of all lanes, in the pool's order.
func lanes(l config.Lanes) [3]int {
	return [3]int{smpp.LaneAnswer: l.Answers, smpp.LaneConfirmation: l.Notices, smpp.LaneBulk: l.Bulk}
}

// retries are the pool's own, and those that the configuration adds or changes.
func retries(given []config.Retry) (map[pdu.Status]smpp.Retry, error) {
	all := maps.Clone(smpp.DefaultRetries())
	for _, r := range given {
		s, ok := pdu.ParseStatus(r.Status)
		if !ok || s == 0 {
			return nil, fmt.Errorf("smpp.retries: there is no status %q: write its name, like ESME_RTHROTTLED, or its number", r.Status)
		}
		all[s] = smpp.Retry{After: r.After, Pause: r.Pause, KeepOrder: r.KeepOrder, Tries: r.Tries}
	}
	return all, nil
}

// dialectOf is a dialect by name: one of the configuration's own, or a known one.
func dialectOf(own []config.Dialect, name string) (ussd.Dialect, error) {
	known := ussd.Dialects()
	find := func(name string) (ussd.Dialect, bool) {
		i := slices.IndexFunc(known, func(d ussd.Dialect) bool { return d.Name == name })
		if i < 0 {
			return ussd.Dialect{}, false
		}
		return known[i], true
	}
	i := slices.IndexFunc(own, func(d config.Dialect) bool { return d.Name == name })
	like := name
	if i >= 0 {
		if like = own[i].Like; like == "" {
			like = known[0].Name
		}
	}
	d, ok := find(like)
	if !ok {
		return d, fmt.Errorf("smpp.dialects: there is no dialect %q", like)
	}
	if i < 0 {
		return d, nil
	}
	return override(d, own[i])
}

// override puts the configuration's values over those of a known dialect.
func override(d ussd.Dialect, c config.Dialect) (ussd.Dialect, error) {
	d.Name = c.Name
	var bad error
	number := func(dst *uint8, v string) {
		if v == "" {
			return
		}
		n, err := strconv.ParseUint(v, 0, 8)
		if err != nil {
			bad = fmt.Errorf("smpp.dialects: %s: %q is not 0 to 255", c.Name, v)
		}
		*dst = uint8(n)
	}
	numbers := func(dst *[]uint8, vs []string) {
		if len(vs) == 0 {
			return
		}
		all := make([]uint8, len(vs))
		for i, v := range vs {
			number(&all[i], v)
		}
		*dst = all
	}
	letters := func(dst *[]string, vs []string) {
		if len(vs) > 0 {
			*dst = vs
		}
	}
	word := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	if len(d.Types.Start) > 0 {
		letters(&d.Types.Start, c.Start)
		letters(&d.Types.Answer, c.Answer)
		letters(&d.Types.Abort, c.Abort)
		word(&d.Types.Ask, c.Ask)
		word(&d.Types.End, c.End)
	} else {
		numbers(&d.Start, c.Start)
		numbers(&d.Answer, c.Answer)
		numbers(&d.Abort, c.Abort)
		number(&d.Ask, c.Ask)
		number(&d.End, c.End)
	}
	word(&d.ServiceType, c.ServiceType)
	number(&d.GSM, c.DCS)
	number(&d.UCS2, c.UCS2DCS)
	if c.Session != "" {
		d.ID = wheres[c.Session]
	}
	if c.Coding != "" {
		d.CBS = c.Coding == "ussd"
	}
	return d, bad
}
