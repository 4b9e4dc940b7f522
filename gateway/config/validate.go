package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Validate returns every bad value, each with its key and what to write instead.
func (c *Config) Validate() error {
	var p problems
	p.address("http.listen", c.HTTP.Listen, true)
	p.address("callbacks.listen", c.Callbacks.Listen, false)
	p.url("callbacks.url", c.Callbacks.URL, false)
	p.address("admin.listen", c.Admin.Listen, false)
	if host, _, err := net.SplitHostPort(c.Admin.Listen); err == nil && c.Admin.Token == "" && len(c.Admin.Tokens) == 0 && c.Admin.TLSClientCA == "" {
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			p.add("admin.token", "or admin.tokens must be set, or admin.tls_client_ca, when admin.listen is not a loopback address")
		}
	}
	if a := c.Admin; (a.TLSCert == "") != (a.TLSKey == "") || a.TLSClientCA != "" && a.TLSCert == "" {
		p.add("admin.tls_cert", "and tls_key must be set together, and with tls_client_ca")
	}
	c.validateAdminTokens(&p)
	c.validateStore(&p)
	if c.Menus.Dir == "" {
		p.add("menus.dir", "must name the folder of the menus")
	}
	p.oneOf("menus.follow", c.Menus.Follow, "auto", "published", "files")
	if v := c.Menus.Canary.Percent; !(v >= 0 && v < 100) {
		p.add("menus.canary.percent", fmt.Sprintf("must be 0 (new menus go to all at once) to less than 100; it is %v", v))
	}
	c.validateSMPP(&p)

	c.validateCore(&p)
	p.address("simulator.smpp", c.Simulator.SMPP, false)
	p.address("simulator.core", c.Simulator.Core, false)
	p.address("simulator.control", c.Simulator.Control, false)

	o := c.Operator
	if o.Network == "" {
		p.add("operator.network", "must not be empty")
	}
	if !digits(o.CountryPrefix, 1, 4) {
		p.add("operator.country_prefix", `must be 1 to 4 digits in quotes, like "255"`)
	}
	if o.NationalDigits < 4 || o.NationalDigits > 12 {
		p.add("operator.national_digits", "must be 4 to 12")
	}
	if o.TrunkPrefix != "" && !digits(o.TrunkPrefix, 1, 3) {
		p.add("operator.trunk_prefix", `must be digits in quotes, like "0"`)
	}
	if len(o.Currency) != 3 || strings.ToUpper(o.Currency) != o.Currency {
		p.add("operator.currency", "must be an ISO 4217 code like TZS")
	}
	if o.MinorUnits < 0 || o.MinorUnits > 4 {
		p.add("operator.minor_units", "must be 0 to 4")
	}
	if _, err := time.LoadLocation(o.Timezone); err != nil {
		p.add("operator.timezone", "must be an IANA name like Africa/Dar_es_Salaam: "+err.Error())
	}

	p.between("dialog.answer_within", c.Dialog.AnswerWithin, time.Second, 30*time.Second)
	p.between("dialog.session", c.Dialog.Session, 10*time.Second, 24*time.Hour)
	p.number("dialog.concurrent", c.Dialog.Concurrent, 1, 1_000_000)
	p.number("dialog.septets", c.Dialog.Septets, 60, 182)
	p.number("dialog.ucs2", c.Dialog.UCS2, 30, 91)
	p.number("dialog.tell_rate", c.Dialog.TellRate, 1, 1000)
	p.between("dialog.tell_after", c.Dialog.TellAfter, time.Second, time.Hour)
	p.between("dialog.tell_within", c.Dialog.TellWithin, time.Minute, 7*24*time.Hour)
	if c.Ledger.InquireAfter != 0 { // as the connector says
		p.between("ledger.inquire_after", c.Ledger.InquireAfter, 100*time.Millisecond, time.Hour)
	}
	if c.Ledger.InquireMax != 0 {
		p.between("ledger.inquire_max", c.Ledger.InquireMax, max(c.Ledger.InquireAfter, 100*time.Millisecond), 24*time.Hour)
	}
	if v := c.Ledger.InquireRate; v != 0 && !(v >= 1 && v <= 10_000) {
		p.add("ledger.inquire_rate", fmt.Sprintf("must be 0 (no limit), or 1 to 10000 inquiries a second; it is %v", v))
	}
	p.between("ledger.manual_after", c.Ledger.ManualAfter, time.Minute, 30*24*time.Hour)
	if s := c.Ledger.Statement; utf8.RuneCountInString(s.Comma) > 1 || strings.ContainsAny(s.Comma, "\"\r\n") {
		p.add("ledger.statement.comma", `must be one character, like ";", and no quote`)
	}
	p.oneOf("ledger.statement.decimal", c.Ledger.Statement.Decimal, ".", ",")
	if s := c.Ledger.Statement.Only; s != "" && !strings.Contains(strings.Trim(s, "="), "=") {
		p.add("ledger.statement.only", "must be column=value, or empty")
	}
	if c.Secret.KeyFile == "" && c.Store.Kind == "valkey" {
		p.add("secret.key_file", "must name the file of the key that seals PINs, the same one for all gateways on the store: make it once with `gateway key new FILE`")
	}
	if c.Secret.OtherKeyFile != "" && c.Path(c.Secret.OtherKeyFile) == c.KeyFile() {
		p.add("secret.other_key_file", "must be another file than secret.key_file, or empty")
	}
	p.between("stop.within", c.Stop.Within, time.Second, 10*time.Minute)
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "text", "json")
	return p.err()
}

// validateAdminTokens wants a name and a token of everybody's own: one that two
// share would let one person be both. Names that differ by case are one person's.
func (c *Config) validateAdminTokens(p *problems) {
	names := map[string]bool{"admin": true, "nobody": true} // what ops calls those who are no person
	tokens := map[string]bool{c.Admin.Token: c.Admin.Token != ""}
	for i, t := range c.Admin.Tokens {
		key := func(k string) string { return fmt.Sprintf("admin.tokens[%d].%s", i, k) }
		switch {
		case t.Name == "" || len(t.Name) > 64 || strings.ContainsFunc(t.Name, func(r rune) bool { return r < '!' || r > '~' }):
			p.add(key("name"), "must be a name of up to 64 visible ASCII characters, like amina")
		case names[strings.ToLower(t.Name)]:
			p.add(key("name"), "is taken, whatever its case: "+t.Name)
		}
		switch {
		case len(t.Token) < 16:
			p.add(key("token"), "must have at least 16 characters") // never the token itself
		case tokens[t.Token]:
			p.add(key("token"), "is another one's too: everybody needs one of their own")
		}
		names[strings.ToLower(t.Name)], tokens[t.Token] = true, true
	}
}

func (c *Config) validateCore(p *problems) {
	p.oneOf("core.kind", c.Core.Kind, "gsma", "momo", "daraja", "iso8583")
	p.url("core.url", c.Core.URL, true)
	p.between("core.heartbeat", c.Core.Heartbeat, 100*time.Millisecond, time.Minute)
	p.between("core.ceiling", c.Core.Ceiling, 50*time.Millisecond, 10*time.Second)
	p.number("core.in_flight", c.Core.InFlight, 1, 10_000)
	p.between("core.queue_wait", c.Core.QueueWait, time.Millisecond, 3*time.Second)
	p.between("core.horizon", c.Core.Horizon, time.Second, 30*24*time.Hour)
	if i := c.Core.ISO8583; c.Core.Kind == "iso8583" {
		p.address("core.iso8583.address", i.Address, true)
		p.length("core.iso8583.terminal", i.Terminal, 1, 8)
		p.length("core.iso8583.merchant", i.Merchant, 0, 15)
		if i.Acquirer != "" && !digits(i.Acquirer, 1, 11) {
			p.add("core.iso8583.acquirer", "must be at most 11 digits in quotes")
		}
		if !digits(i.Currency, 3, 3) {
			p.add("core.iso8583.currency", `must be an ISO 4217 number in quotes, like "834"`)
		}
		if _, err := hex.DecodeString(i.PINKey); err != nil || len(i.PINKey) != 0 && len(i.PINKey) != 32 && len(i.PINKey) != 48 {
			p.add("core.iso8583.pin_key", "must be 32 or 48 hexadecimal digits, or empty") // never the key itself
		}
		if i.BCD && i.Spec != "" {
			p.add("core.iso8583.bcd", "must be false beside core.iso8583.spec: say base: bcd in that file")
		}
		if i.InquiryCode != "" && !digits(i.InquiryCode, 6, 6) {
			p.add("core.iso8583.inquiry_code", "must be 6 digits in quotes, or empty")
		}
		p.between("core.iso8583.reverse_after", i.ReverseAfter, 0, 24*time.Hour)
	}
	if d := c.Core.Daraja; c.Core.Kind == "daraja" {
		if d.ConsumerKey == "" || d.ConsumerSecret == "" {
			p.add("core.daraja.consumer_key", "and consumer_secret must be set")
		}
		if !digits(d.ShortCode, 5, 9) {
			p.add("core.daraja.short_code", `must be 5 to 9 digits in quotes, like "600000"`)
		}
		if d.Passkey == "" && d.Initiator == "" {
			p.add("core.daraja.passkey", "or core.daraja.initiator must be set: without both no call could be served")
		}
		if d.Initiator != "" && (d.InitiatorPassword == "" || d.Certificate == "") {
			p.add("core.daraja.initiator_password", "and certificate must be set beside initiator")
		}
		if c.Callbacks.Listen == "" {
			p.add("callbacks.listen", "must be set for core.kind daraja: its results come by callback")
		}
	}
	if c.Core.Kind == "momo" {
		m := c.Core.MoMo
		if m.Environment == "" {
			p.add("core.momo.environment", "must name the target environment, like mtnuganda")
		}
		if m.Collection.User == "" && m.Disbursement.User == "" {
			p.add("core.momo.collection.user", "or core.momo.disbursement.user must be set: without a product no call can be served")
		}
		for name, a := range map[string]MoMoAccount{"collection": m.Collection, "disbursement": m.Disbursement} {
			if a.User != "" && (a.Key == "" || a.SubscriptionKey == "") {
				p.add("core.momo."+name+".key", "and subscription_key must be set beside user")
			}
		}
	}
}

func (c *Config) validateStore(p *problems) {
	p.oneOf("store.kind", c.Store.Kind, "embedded", "valkey")
	p.between("store.timeout", c.Store.Timeout, 10*time.Millisecond, time.Minute)
	p.between("store.retain", c.Store.Retain, time.Hour, 10*365*24*time.Hour)
	switch c.Store.Kind {
	case "embedded":
		if c.Store.Path == "" {
			p.add("store.path", "must name the folder of the embedded store")
		}
	case "valkey":
		if len(c.Store.Addresses) == 0 {
			p.add("store.addresses", "must list at least one host:port of Valkey")
		}
		for i, a := range c.Store.Addresses {
			p.address(fmt.Sprintf("store.addresses[%d]", i), a, true)
		}
		p.number("store.db", c.Store.DB, 0, 15)
		p.number("store.replicas", c.Store.Replicas, 0, 10)
		p.number("store.durable_connections", c.Store.Durable, 1, 1000)
		p.number("store.cache_mib", c.Store.CacheMiB, 1, 1<<20)
		s := c.Store
		if !s.TLS && !s.Sentinel.TLS && (s.TLSCA != "" || s.TLSCert != "" || s.TLSKey != "") {
			p.add("store.tls", "must be true if tls_ca, tls_cert or tls_key is set")
		}
		if (s.TLSCert == "") != (s.TLSKey == "") {
			p.add("store.tls_cert", "and tls_key must be set together")
		}
		if s.Sentinel.Master == "" && (s.Sentinel.Username != "" || s.Sentinel.Password != "" || s.Sentinel.TLS) {
			p.add("store.sentinel.master", "must name the primary as the sentinels monitor it, if any other key of store.sentinel is set")
		}
	}
}

type problems []error

func (p *problems) add(key, why string) { *p = append(*p, fmt.Errorf("%s %s", key, why)) }

func (p *problems) err() error { return errors.Join(*p...) }

func (p *problems) address(key, v string, required bool) {
	if v == "" {
		if required {
			p.add(key, "must be host:port, like 127.0.0.1:8080")
		}
		return
	}
	_, port, err := net.SplitHostPort(v)
	if n, convErr := strconv.Atoi(port); err != nil || convErr != nil || n < 0 || n > 65535 {
		p.add(key, fmt.Sprintf("must be host:port, like 127.0.0.1:8080; it is %q", v))
	}
}

func (p *problems) url(key, v string, required bool) {
	if v == "" && !required {
		return
	}
	if u, err := url.Parse(v); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		p.add(key, fmt.Sprintf("must be an http or https URL; it is %q", v))
	}
}

func (p *problems) oneOf(key, v string, allowed ...string) {
	if !slices.Contains(allowed, v) {
		p.add(key, fmt.Sprintf("must be one of %s; it is %q", strings.Join(allowed, ", "), v))
	}
}

func (p *problems) between(key string, v, low, high time.Duration) {
	if v < low || v > high {
		p.add(key, fmt.Sprintf("must be %v to %v; it is %v", low, high, v))
	}
}

func (p *problems) number(key string, v, low, high int) {
	if v < low || v > high {
		p.add(key, fmt.Sprintf("must be %d to %d; it is %d", low, high, v))
	}
}

func (p *problems) length(key, v string, low, high int) {
	if len(v) < low || len(v) > high {
		p.add(key, fmt.Sprintf("must have %d to %d characters; it has %d", low, high, len(v)))
	}
}

func digits(s string, low, high int) bool {
	if len(s) < low || len(s) > high {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
