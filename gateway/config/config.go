// Package config reads the gateway's configuration: defaults, then the YAML
// file, then NYOTA_ environment variables (NYOTA_HTTP_LISTEN is http.listen).
// Unknown keys, wrong types and bad values are errors that name the key.
//
//	config.go     the keys and their defaults
//	smpp.go       those of smpp
//	load.go       reading and merging
//	validate.go   what a good value is
package config

import "time"

// Config is everything that can be configured. Its shape is the file's.
type Config struct {
	HTTP      HTTP      `mapstructure:"http"`
	Callbacks Callbacks `mapstructure:"callbacks"`
	Admin     Admin     `mapstructure:"admin"`
	Store     Store     `mapstructure:"store"`
	Menus     Menus     `mapstructure:"menus"`
	SMPP      SMPP      `mapstructure:"smpp"`
	Core      Core      `mapstructure:"core"`
	Simulator Simulator `mapstructure:"simulator"`
	Operator  Operator  `mapstructure:"operator"`
	Dialog    Dialog    `mapstructure:"dialog"`
	Ledger    Ledger    `mapstructure:"ledger"`
	Secret    Secret    `mapstructure:"secret"`
	CDR       CDR       `mapstructure:"cdr"`
	Node      Node      `mapstructure:"node"`
	Log       Log       `mapstructure:"log"`
	Stop      Stop      `mapstructure:"stop"`

	// Base is the folder that relative paths of the file start from: the
	// file's own, or the working directory if there is no file.
	Base string `mapstructure:"-"`
}

// HTTP is the public listener: the browser phone, /healthz and /readyz.
type HTTP struct {
	Listen string `mapstructure:"listen"` // host:port
}

// Callbacks is the listener that the core switch posts its callbacks to.
type Callbacks struct {
	Listen string `mapstructure:"listen"` // host:port; empty: no callbacks, inquiries only
	URL    string `mapstructure:"url"`    // as the core reaches it; empty: http://<listen>
}

// Admin is the operators' listener. Keep it on loopback or behind a token.
type Admin struct {
	Listen string `mapstructure:"listen"` // host:port; empty: off
	Token  string `mapstructure:"token"`  // bearer token; required off loopback
	// Tokens are those of people: what two persons must agree on takes two of them.
	Tokens []AdminToken `mapstructure:"tokens"`
	// TLS, and in the place of a token a certificate whose common name says who comes.
	TLSCert     string `mapstructure:"tls_cert"`
	TLSKey      string `mapstructure:"tls_key"`
	TLSClientCA string `mapstructure:"tls_client_ca"`
}

// AdminToken is a person's own bearer token.
type AdminToken struct {
	Name  string `mapstructure:"name"` // as records and the log name the person
	Token string `mapstructure:"token"`
}

// Store says where sessions, actions and notices are kept.
type Store struct {
	Kind      string        `mapstructure:"kind"` // embedded or valkey
	Path      string        `mapstructure:"path"` // embedded: a folder
	Addresses []string      `mapstructure:"addresses"`
	Username  string        `mapstructure:"username"`
	Password  string        `mapstructure:"password"`
	TLS       bool          `mapstructure:"tls"`
	TLSCA     string        `mapstructure:"tls_ca"`   // file with the authorities to trust; empty: the system's
	TLSCert   string        `mapstructure:"tls_cert"` // our certificate, for servers that ask for one
	TLSKey    string        `mapstructure:"tls_key"`
	Sentinel  Sentinel      `mapstructure:"sentinel"`
	DB        int           `mapstructure:"db"`
	Replicas  int           `mapstructure:"replicas"`            // that must have an action on disk
	Volatile  bool          `mapstructure:"volatile"`            // accept a Valkey without AOF: tests only
	Durable   int           `mapstructure:"durable_connections"` // for commits that wait for a disk
	CacheMiB  int           `mapstructure:"cache_mib"`           // of sessions that this gateway remembers
	Timeout   time.Duration `mapstructure:"timeout"`
	Retain    time.Duration `mapstructure:"retain"` // of final actions and notices
}

// Sentinel says how sentinels are asked which server is the primary. Then
// store.addresses are the sentinels'.
type Sentinel struct {
	Master   string `mapstructure:"master"` // as the sentinels monitor it; empty: no sentinels
	Username string `mapstructure:"username"`
	Password string `mapstructure:"password"`
	TLS      bool   `mapstructure:"tls"`
}

// Menus says where the menus are, and how new ones come to customers.
type Menus struct {
	Dir    string `mapstructure:"dir"`
	Follow string `mapstructure:"follow"` // auto, published or files: what serves at a start with other files
	Canary Canary `mapstructure:"canary"`
}

// Canary is the share of the numbers that try a new revision first.
type Canary struct {
	Percent float64 `mapstructure:"percent"` // 0: none, it goes to all at once
}

// Core is the core switch.
type Core struct {
	Kind      string        `mapstructure:"kind"` // gsma, momo, daraja or iso8583
	URL       string        `mapstructure:"url"`
	APIKey    string        `mapstructure:"api_key"`
	Token     string        `mapstructure:"token"`   // bearer token
	PINKey    string        `mapstructure:"pin_key"` // file with the core's public JWK, to encrypt the PIN
	Heartbeat time.Duration `mapstructure:"heartbeat"`
	Horizon   time.Duration `mapstructure:"horizon"` // how long "not found" proves nothing
	Airtime   string        `mapstructure:"airtime_subtype"`
	ChangePIN bool          `mapstructure:"change_pin"` // gsma: the core takes new PINs, which the API has no resource for
	Ceiling   time.Duration `mapstructure:"ceiling"`    // an answer that takes longer means too much in flight
	InFlight  int           `mapstructure:"in_flight"`  // requests at the core at once, at most
	QueueWait time.Duration `mapstructure:"queue_wait"` // longest wait for a place among them
	MoMo      MoMo          `mapstructure:"momo"`       // of kind momo
	Daraja    Daraja        `mapstructure:"daraja"`     // of kind daraja
	ISO8583   ISO8583       `mapstructure:"iso8583"`    // of kind iso8583
}

// ISO8583 is how a switch that speaks ISO 8583 over TCP is reached.
type ISO8583 struct {
	Address      string        `mapstructure:"address"` // host:port, in the place of url
	TLS          bool          `mapstructure:"tls"`
	Terminal     string        `mapstructure:"terminal"`      // field 41; one for each node
	Merchant     string        `mapstructure:"merchant"`      // field 42
	Acquirer     string        `mapstructure:"acquirer"`      // field 32
	Currency     string        `mapstructure:"currency"`      // field 49, ISO 4217 number
	BCD          bool          `mapstructure:"bcd"`           // digits are packed
	Spec         string        `mapstructure:"spec"`          // file with the field packager; empty: the usual one
	PINKey       string        `mapstructure:"pin_key"`       // hexadecimal, double or triple length; empty: no call with a PIN
	InquiryCode  string        `mapstructure:"inquiry_code"`  // processing code; empty: no status inquiries
	ReverseAfter time.Duration `mapstructure:"reverse_after"` // 0: never
}

// Daraja is what Safaricom's Daraja API needs beside its URL.
type Daraja struct {
	ConsumerKey       string `mapstructure:"consumer_key"`
	ConsumerSecret    string `mapstructure:"consumer_secret"`
	ShortCode         string `mapstructure:"short_code"`
	Passkey           string `mapstructure:"passkey"`            // empty: no pushes
	Initiator         string `mapstructure:"initiator"`          // empty: no payouts
	InitiatorPassword string `mapstructure:"initiator_password"` // travels encrypted
	Certificate       string `mapstructure:"certificate"`        // file with M-Pesa's certificate or public key, PEM
}

// MoMo is what the MTN MoMo API needs beside its URL.
type MoMo struct {
	Environment  string      `mapstructure:"environment"` // X-Target-Environment
	Collection   MoMoAccount `mapstructure:"collection"`
	Disbursement MoMoAccount `mapstructure:"disbursement"`
}

// MoMoAccount is the access to one product. An empty user turns it off.
type MoMoAccount struct {
	User            string `mapstructure:"user"`
	Key             string `mapstructure:"key"`
	SubscriptionKey string `mapstructure:"subscription_key"`
}

// Simulator has the built-in operator and core. An empty address turns that
// half off.
type Simulator struct {
	SMPP    string `mapstructure:"smpp"`
	Core    string `mapstructure:"core"`
	Control string `mapstructure:"control"` // HTTP, where the core's own address speaks another protocol
}

// Operator has the operator's facts.
type Operator struct {
	Network        string `mapstructure:"network"`
	CountryPrefix  string `mapstructure:"country_prefix"`
	NationalDigits int    `mapstructure:"national_digits"`
	TrunkPrefix    string `mapstructure:"trunk_prefix"`
	Currency       string `mapstructure:"currency"`
	MinorUnits     int    `mapstructure:"minor_units"`
	Timezone       string `mapstructure:"timezone"`
}

// Dialog has the limits of dialogues.
type Dialog struct {
	AnswerWithin time.Duration `mapstructure:"answer_within"` // the network waits no longer
	Session      time.Duration `mapstructure:"session"`       // a dialogue's longest pause
	Concurrent   int           `mapstructure:"concurrent"`    // turns at work at once
	Septets      int           `mapstructure:"septets"`
	UCS2         int           `mapstructure:"ucs2"`
	TellRate     int           `mapstructure:"tell_rate"`   // SMS a second to those who asked to be told that a service is back
	TellAfter    time.Duration `mapstructure:"tell_after"`  // it must be back for so long before they are told
	TellWithin   time.Duration `mapstructure:"tell_within"` // then nobody wants to know any more
}

// Ledger paces the life of actions without a final answer.
type Ledger struct {
	InquireAfter time.Duration `mapstructure:"inquire_after"` // first inquiry; 0: as the connector says
	InquireMax   time.Duration `mapstructure:"inquire_max"`   // longest pause between two; 0: as the connector says
	InquireRate  float64       `mapstructure:"inquire_rate"`  // inquiries a second of this gateway; 0: no limit
	ManualAfter  time.Duration `mapstructure:"manual_after"`  // then an operator decides
	Statement    Statement     `mapstructure:"statement"`     // of gateway ledger reconcile
}

// Statement says how the core writes its statement file, a CSV with a line of
// column names. Empty: names that are often used.
type Statement struct {
	ID         string   `mapstructure:"id"`     // column of our id: the correlation id on the wire
	Ref        string   `mapstructure:"ref"`    // of the core's reference
	Amount     string   `mapstructure:"amount"` // of the amount
	Status     string   `mapstructure:"status"` // of what became of it
	Time       string   `mapstructure:"time"`
	TimeLayout string   `mapstructure:"time_layout"` // of Go's package time
	Decimal    string   `mapstructure:"decimal"`     // before an amount's decimals: . or ,
	Done       []string `mapstructure:"done"`        // words of status
	Failed     []string `mapstructure:"failed"`
	Only       string   `mapstructure:"only"`  // column=value: other lines are not ours
	Comma      string   `mapstructure:"comma"` // what separates columns
}

// Secret says where the key is that seals PINs at rest.
type Secret struct {
	KeyFile      string `mapstructure:"key_file"`       // seals and opens; empty: see Config.KeyFile
	OtherKeyFile string `mapstructure:"other_key_file"` // opens too, while the key is being changed; empty: none
}

// Node is this gateway among those on one store.
type Node struct {
	Name string `mapstructure:"name"` // in logs, records and menus' status; empty: the host's name
}

// CDR says where call detail records go.
type CDR struct {
	Dir string `mapstructure:"dir"` // empty: none are written
}

// Stop bounds an orderly stop.
type Stop struct {
	Within time.Duration `mapstructure:"within"` // then the process ends anyway, as a crash would
}

// Log is the gateway's own log, on standard error.
type Log struct {
	Level  string `mapstructure:"level"`  // debug, info, warn, error
	Format string `mapstructure:"format"` // text or json
}

// Default returns the configuration of a gateway that needs nothing installed:
// loopback only, all parts embedded.
func Default() Config {
	return Config{
		HTTP:      HTTP{Listen: "127.0.0.1:8080"},
		Callbacks: Callbacks{Listen: "127.0.0.1:8082"},
		Admin:     Admin{Listen: "127.0.0.1:8081"},
		Store: Store{Kind: "embedded", Path: "data", Timeout: 2 * time.Second, Durable: 32, CacheMiB: 64,
			Retain: 30 * 24 * time.Hour},
		Menus: Menus{Dir: "menus/catalog", Follow: "auto"},
		SMPP:  SMPP{Queues: Lanes{Answers: 1024, Notices: 1024, Bulk: 1024}},
		Core: Core{Kind: "gsma", URL: "http://127.0.0.1:8090/v1.2/mm",
			Heartbeat: 2 * time.Second, Horizon: time.Hour, Airtime: "airtime", ChangePIN: true,
			Ceiling: 1500 * time.Millisecond, InFlight: 256, QueueWait: 500 * time.Millisecond},
		Simulator: Simulator{SMPP: "127.0.0.1:2775", Core: "127.0.0.1:8090", Control: "127.0.0.1:8091"},
		Operator: Operator{Network: "demo", CountryPrefix: "255", NationalDigits: 9,
			TrunkPrefix: "0", Currency: "TZS", Timezone: "Africa/Dar_es_Salaam"},
		Dialog: Dialog{AnswerWithin: 5 * time.Second, Session: 180 * time.Second,
			Concurrent: 4096, Septets: 182, UCS2: 80, TellRate: 10, TellAfter: 30 * time.Second, TellWithin: 24 * time.Hour},
		Ledger: Ledger{InquireRate: 50, ManualAfter: 24 * time.Hour, Statement: Statement{Decimal: "."}},
		CDR:    CDR{Dir: "data/cdr"},
		Log:    Log{Level: "info", Format: "text"},
		Stop:   Stop{Within: 15 * time.Second},
	}
}
