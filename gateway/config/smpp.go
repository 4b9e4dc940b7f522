package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SMPP has the links to operators' SMSCs and USSD gateways, and how they are used.
type SMPP struct {
	Links    []Link    `mapstructure:"links"`
	Dialects []Dialect `mapstructure:"dialects"`
	Queues   Lanes     `mapstructure:"queues"`  // requests that may wait for room, per network
	Weights  Lanes     `mapstructure:"weights"` // all 0: none goes while a more urgent one waits
	Retries  []Retry   `mapstructure:"retries"` // beside smpp.DefaultRetries
}

// Lanes has a number for each lane.
type Lanes struct {
	Answers int `mapstructure:"answers"` // screens that somebody waits for
	Notices int `mapstructure:"notices"` // SMS about an action, and answers by SMS
	Bulk    int `mapstructure:"bulk"`    // all else
}

// Link is one bind.
type Link struct {
	Name         string        `mapstructure:"name"`
	Network      string        `mapstructure:"network"` // links of one USSD gateway share it; default: operator.network
	Address      string        `mapstructure:"address"`
	Bind         string        `mapstructure:"bind"` // transceiver, transmitter or receiver
	SystemID     string        `mapstructure:"system_id"`
	Password     string        `mapstructure:"password"`
	SystemType   string        `mapstructure:"system_type"`
	Version      string        `mapstructure:"version"` // interface version that we announce: 3.3, 3.4 or 5.0
	Window       int           `mapstructure:"window"`
	Rate         float64       `mapstructure:"rate"`          // segments a second; 0: no limit
	Prefixes     []string      `mapstructure:"prefixes"`      // of the numbers whose SMS it carries; none: all
	USSD         string        `mapstructure:"ussd"`          // dialect; one per network
	Sender       string        `mapstructure:"sender"`        // source address of SMS; one per network
	Alphabet     string        `mapstructure:"alphabet"`      // of data_coding 0: gsm, latin1 or ascii; one per network
	ASCIIIsGSM   bool          `mapstructure:"ascii_is_gsm"`  // data_coding 1 is the GSM alphabet; one per network
	Packed       bool          `mapstructure:"packed"`        // GSM 7-bit comes and goes packed; one per network
	SMSDCS       int           `mapstructure:"sms_dcs"`       // data_coding of SMS; one per network
	SMSUCS2DCS   int           `mapstructure:"sms_ucs2_dcs"`  // and in UCS-2; one per network
	LongMessages string        `mapstructure:"long_messages"` // udh8, udh16, sar or payload; one per network
	ShiftTables  []string      `mapstructure:"shift_tables"`  // languages that its phones have; one per network
	Receipts     bool          `mapstructure:"receipts"`      // ask for delivery receipts; one per network
	ResponseIDs  string        `mapstructure:"response_ids"`  // message ids in responses: verbatim, hex or decimal
	ReceiptIDs   string        `mapstructure:"receipt_ids"`   // and in receipts
	Tolerate     []string      `mapstructure:"tolerate"`      // malformed bodies that are read all the same
	TLS          bool          `mapstructure:"tls"`
	TLSCA        string        `mapstructure:"tls_ca"`   // file with the authorities to trust; empty: the system's
	TLSCert      string        `mapstructure:"tls_cert"` // our certificate, for operators that ask for one
	TLSKey       string        `mapstructure:"tls_key"`
	Response     time.Duration `mapstructure:"response_timeout"`
	EnquireLink  time.Duration `mapstructure:"enquire_link"`
	Hints        string        `mapstructure:"hints"` // auto, on, off: the screen_hint TLV for simulated handsets
}

// Dialect is an operator's own way to mark USSD: what it leaves out is as in the
// dialect that it is like. Operations are numbers of ussd_service_op, or letters
// of service_type.
type Dialect struct {
	Name        string   `mapstructure:"name"`
	Like        string   `mapstructure:"like"` // a dialect of BuiltInDialects
	ServiceType string   `mapstructure:"service_type"`
	Session     string   `mapstructure:"session"` // where the dialogue's id is: info, wide, reference or none
	Start       []string `mapstructure:"start"`
	Answer      []string `mapstructure:"answer"`
	Abort       []string `mapstructure:"abort"`
	Ask         string   `mapstructure:"ask"`
	End         string   `mapstructure:"end"`
	DCS         string   `mapstructure:"dcs"`      // data_coding of a GSM 7-bit screen
	UCS2DCS     string   `mapstructure:"ucs2_dcs"` // and of one in UCS-2
	Coding      string   `mapstructure:"coding"`   // smpp or ussd: how data_coding is read
}

// Retry is what becomes of requests that are refused with a status.
type Retry struct {
	Status    string        `mapstructure:"status"` // ESME_RTHROTTLED, or a number
	After     time.Duration `mapstructure:"after"`  // how long nothing is tried
	Pause     bool          `mapstructure:"pause"`  // of the whole link, not of the one request
	KeepOrder bool          `mapstructure:"keep_order"`
	Tries     int           `mapstructure:"tries"` // at most, the first included; 0: while its time lasts
}

// BuiltInDialects are the dialects that need no configuration.
var BuiltInDialects = [...]string{"standard", "always-2", "wide-id", "reference", "service-type", "none"}

// DefaultLink returns a link's values where the file says nothing.
func DefaultLink() Link {
	return Link{Bind: "transceiver", Version: "3.4", Window: 64, USSD: "standard", Sender: "NYOTA",
		Alphabet: "gsm", SMSUCS2DCS: 8, LongMessages: "udh8", ShiftTables: []string{}, Tolerate: []string{},
		ResponseIDs: "verbatim", ReceiptIDs: "verbatim", Prefixes: []string{},
		Response: 10 * time.Second, EnquireLink: 30 * time.Second, Hints: "auto"}
}

func (c *Config) validateSMPP(p *problems) {
	dialects := c.validateDialects(p)
	for name, v := range map[string]int{"answers": c.SMPP.Queues.Answers, "notices": c.SMPP.Queues.Notices, "bulk": c.SMPP.Queues.Bulk} {
		p.number("smpp.queues."+name, v, 1, 1_000_000)
	}
	w := c.SMPP.Weights
	for name, v := range map[string]int{"answers": w.Answers, "notices": w.Notices, "bulk": w.Bulk} {
		if w == (Lanes{}) {
			break
		}
		p.number("smpp.weights."+name, v, 1, 1000)
	}
	if w != (Lanes{}) && (w.Answers < w.Notices || w.Notices < w.Bulk) {
		p.add("smpp.weights", fmt.Sprintf("must fall: answers, notices, bulk are %d, %d, %d; somebody waits for an answer", w.Answers, w.Notices, w.Bulk))
	}
	seen := map[string]bool{}
	for i, r := range c.SMPP.Retries {
		key := func(k string) string { return fmt.Sprintf("smpp.retries[%d].%s", i, k) }
		switch {
		case r.Status == "" || r.Status == "0" || r.Status == "ESME_ROK":
			p.add(key("status"), "must be a command_status other than 0, like ESME_RTHROTTLED or 0x58")
		case seen[r.Status]:
			p.add(key("status"), "is there twice: "+r.Status)
		}
		seen[r.Status] = true
		p.between(key("after"), r.After, 0, time.Hour)
		p.number(key("tries"), r.Tries, 0, 100)
	}
	c.validateLinks(p, dialects)
}

// validateDialects returns the names of all dialects.
func (c *Config) validateDialects(p *problems) []string {
	names := BuiltInDialects[:]
	for i, d := range c.SMPP.Dialects {
		key := func(k string) string { return fmt.Sprintf("smpp.dialects[%d].%s", i, k) }
		switch {
		case d.Name == "":
			p.add(key("name"), "must name the dialect")
		case slices.Contains(names, d.Name):
			p.add(key("name"), "is a dialect already: "+d.Name)
		}
		names = append(names, d.Name)
		if d.Like != "" {
			p.oneOf(key("like"), d.Like, BuiltInDialects[:]...)
		}
		p.length(key("service_type"), d.ServiceType, 0, 5)
		if d.Session != "" {
			p.oneOf(key("session"), d.Session, "info", "wide", "reference", "none")
		}
		if d.Coding != "" {
			p.oneOf(key("coding"), d.Coding, "smpp", "ussd")
		}
		ops := slices.Concat(d.Start, d.Answer, d.Abort, given(d.Ask), given(d.End))
		letters := d.Like == "service-type"
		for _, op := range ops {
			switch n, err := strconv.ParseUint(op, 0, 8); {
			case letters && (op == "" || len(op) > 5 || err == nil):
				p.add(key("start, answer, abort, ask, end"), fmt.Sprintf("must be 1 to 5 letters of service_type; one is %q", op))
			case !letters && (err != nil || n > 255):
				p.add(key("start, answer, abort, ask, end"), fmt.Sprintf("must be 0 to 255, a ussd_service_op; one is %q (letters need like: service-type)", op))
			}
		}
		for k, v := range map[string]string{"dcs": d.DCS, "ucs2_dcs": d.UCS2DCS} {
			if _, err := strconv.ParseUint(v, 0, 8); v != "" && err != nil {
				p.add(key(k), fmt.Sprintf("must be a data_coding, 0 to 255; it is %q", v))
			}
		}
	}
	return names
}

// given is a value that may be left out.
func given(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

// ofNetwork are the keys that must be the same on all links of a network: the
// parts of a long SMS, and the screens of a dialogue, may take different ones.
var ofNetwork = []struct {
	key string
	of  func(Link) string
}{
	{"sender", func(l Link) string { return l.Sender }},
	{"receipts", func(l Link) string { return strconv.FormatBool(l.Receipts) }},
	{"ussd", func(l Link) string { return l.USSD }},
	{"alphabet", func(l Link) string { return l.Alphabet }},
	{"ascii_is_gsm", func(l Link) string { return strconv.FormatBool(l.ASCIIIsGSM) }},
	{"packed", func(l Link) string { return strconv.FormatBool(l.Packed) }},
	{"sms_dcs", func(l Link) string { return strconv.Itoa(l.SMSDCS) }},
	{"sms_ucs2_dcs", func(l Link) string { return strconv.Itoa(l.SMSUCS2DCS) }},
	{"long_messages", func(l Link) string { return l.LongMessages }},
	{"shift_tables", func(l Link) string { return strings.Join(l.ShiftTables, ", ") }},
}

func (c *Config) validateLinks(p *problems, dialects []string) {
	names := map[string]bool{}
	first := map[string]Link{} // of each network
	for i, l := range c.SMPP.Links {
		key := func(k string) string { return fmt.Sprintf("smpp.links[%d].%s", i, k) }
		switch {
		case l.Name == "":
			p.add(key("name"), "must name the link")
		case names[l.Name]:
			p.add(key("name"), "is used twice: "+l.Name)
		}
		names[l.Name] = true
		if strings.Contains(l.Network, "/") {
			p.add(key("network"), "must have no /: dialogues by SMS are named so")
		}
		p.address(key("address"), l.Address, true)
		p.oneOf(key("bind"), l.Bind, "transceiver", "transmitter", "receiver")
		p.oneOf(key("ussd"), l.USSD, dialects...)
		p.oneOf(key("hints"), l.Hints, "on", "off")
		p.number(key("window"), l.Window, 1, 10_000)
		p.between(key("response_timeout"), l.Response, 100*time.Millisecond, 2*time.Minute)
		p.between(key("enquire_link"), l.EnquireLink, time.Second, time.Hour)
		// SMPP 3.4 section 4.1.1: 15, 8 and 12 characters and their NUL.
		p.length(key("system_id"), l.SystemID, 1, 15)
		p.length(key("password"), l.Password, 0, 8)
		p.length(key("system_type"), l.SystemType, 0, 12)
		p.length(key("sender"), l.Sender, 1, 15)
		p.validateTraffic(key, l)
		p.validateText(key, l)
		f, ok := first[l.Network]
		if !ok {
			first[l.Network] = l
			continue
		}
		for _, same := range ofNetwork {
			if want := same.of(f); same.of(l) != want {
				p.add(key(same.key), fmt.Sprintf("must be that of the other links of network %s: %s", l.Network, want))
			}
		}
	}
}

// validateText checks how a link writes texts.
func (p *problems) validateText(key func(string) string, l Link) {
	p.oneOf(key("alphabet"), l.Alphabet, "gsm", "latin1", "ascii")
	p.number(key("sms_dcs"), l.SMSDCS, 0, 255)
	p.number(key("sms_ucs2_dcs"), l.SMSUCS2DCS, 0, 255)
	p.oneOf(key("long_messages"), l.LongMessages, "udh8", "udh16", "sar", "payload")
	for i, t := range l.ShiftTables {
		p.oneOf(key(fmt.Sprintf("shift_tables[%d]", i)), t, ShiftTables[:]...)
	}
	if len(l.ShiftTables) > 0 && (l.Alphabet != "gsm" || l.Packed || !strings.HasPrefix(l.LongMessages, "udh")) {
		p.add(key("shift_tables"), "need alphabet gsm, packed false and long_messages udh8 or udh16: the table is named in a user data header")
	}
	for i, t := range l.Tolerate {
		p.oneOf(key(fmt.Sprintf("tolerate[%d]", i)), t, Tolerances[:]...)
	}
}

// ShiftTables are the languages of 3GPP TS 23.038 annex A, in its order from 1.
var ShiftTables = [...]string{"turkish", "spanish", "portuguese", "bengali", "gujarati", "hindi", "kannada",
	"malayalam", "oriya", "punjabi", "tamil", "telugu", "urdu"}

// validateTraffic checks what a link carries and how.
func (p *problems) validateTraffic(key func(string) string, l Link) {
	if l.Rate < 0 || l.Rate > 1e6 || l.Rate != l.Rate {
		p.add(key("rate"), fmt.Sprintf("must be 0 (no limit) to 1000000 segments a second; it is %v", l.Rate))
	}
	for i, prefix := range l.Prefixes {
		if !digits(prefix, 1, 15) {
			p.add(key(fmt.Sprintf("prefixes[%d]", i)), `must be 1 to 15 digits in quotes, like "25571"`)
		}
	}
	p.oneOf(key("version"), l.Version, "3.3", "3.4", "5.0", "5") // 5.0 without quotes is 5
	if l.Version == "3.3" && l.Bind == "transceiver" {
		p.add(key("bind"), "must be transmitter or receiver: SMPP 3.3 has no transceiver")
	}
	p.oneOf(key("response_ids"), l.ResponseIDs, "verbatim", "hex", "decimal")
	p.oneOf(key("receipt_ids"), l.ReceiptIDs, "verbatim", "hex", "decimal")
	if !l.TLS && (l.TLSCA != "" || l.TLSCert != "" || l.TLSKey != "") {
		p.add(key("tls"), "must be true if tls_ca, tls_cert or tls_key is set")
	}
	if (l.TLSCert == "") != (l.TLSKey == "") {
		p.add(key("tls_cert"), "and tls_key must be set together")
	}
}

// Tolerances are malformed bodies that some operators send: a last C-Octet String
// without its NUL, and a last parameter that announces more octets than there are.
var Tolerances = [...]string{"unterminated", "short_tlv"}
