package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const shipped = "../../config.yaml"

func TestShippedFileSaysTheDefaults(t *testing.T) {
	got, err := Load(shipped, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	link := DefaultLink()
	link.Name, link.Network, link.Address = "demo", "demo", "127.0.0.1:2775"
	link.SystemID, link.Password, link.Hints = "nyota", "secret", "on"
	want.SMPP.Links = []Link{link}
	want.SMPP.Dialects, want.SMPP.Retries = []Dialect{}, []Retry{}
	want.Store.Addresses = []string{}
	want.Admin.Tokens = []AdminToken{}
	want.Ledger.Statement.Done, want.Ledger.Statement.Failed = []string{}, []string{}
	want.Callbacks.URL = "http://127.0.0.1:8082"
	want.Base = got.Base
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shipped config.yaml differs from the defaults (-default +file):\n%s", diff)
	}
}

func TestShippedFileDocumentsEveryKey(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	all := append(keys(reflect.TypeFor[Config](), ""), keys(reflect.TypeFor[Link](), "")...)
	for _, key := range all {
		last := key[strings.LastIndex(key, ".")+1:]
		if !strings.Contains(string(text), last+":") {
			t.Errorf("config.yaml does not mention %s", key)
		}
	}
}

func TestShortFileIsComplete(t *testing.T) {
	cfg, err := Load(write(t, `
http:  {listen: 127.0.0.1:8080}
store: {kind: valkey, addresses: [127.0.0.1:6379]}
secret: {key_file: secret.key}
menus: {dir: menus/catalog}
smpp:
  links:
    - {name: demo, address: 127.0.0.1:2775, bind: transceiver, system_id: nyota, password: secret, window: 64, ussd: standard, sender: NYOTA}
core:  {kind: gsma, url: http://127.0.0.1:8090/v1.2/mm}
simulator: {smpp: "", core: 127.0.0.1:8090}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.SMPP.Links[0].Hints != "off" {
		t.Error("a link to another SMSC got screen hints")
	}
	if cfg.Dialog.AnswerWithin != 5*time.Second {
		t.Errorf("answer_within = %v", cfg.Dialog.AnswerWithin)
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	cfg, err := Load(write(t, "http: {listen: 127.0.0.1:1}\n"), []string{
		"NYOTA_HTTP_LISTEN=127.0.0.1:9", "NYOTA_STORE_KIND=valkey", "NYOTA_SECRET_KEY_FILE=secret.key",
		"NYOTA_STORE_ADDRESSES=127.0.0.1:1,127.0.0.1:2", "NYOTA_SIMULATOR_SMPP=",
		"NYOTA_DIALOG_ANSWER_WITHIN=7s", "NYOTA_STORE_DB=3", "NYOTA_STORE_TLS=true",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.HTTP.Listen != "127.0.0.1:9" || len(cfg.Store.Addresses) != 2 || cfg.Store.DB != 3 ||
		!cfg.Store.TLS || cfg.Simulator.SMPP != "" || cfg.Dialog.AnswerWithin != 7*time.Second {
		t.Errorf("%+v", cfg)
	}
}

func TestInquiriesAreTheConnectorsUnlessTheFileSaysOtherwise(t *testing.T) {
	for file, want := range map[string]Ledger{
		"":                          {InquireRate: 50, ManualAfter: 24 * time.Hour},
		"ledger: {inquire_max: 5s}": {InquireMax: 5 * time.Second, InquireRate: 50, ManualAfter: 24 * time.Hour},
		"ledger: {inquire_after: 1s, inquire_max: 1m0s, inquire_rate: 0}":  {InquireAfter: time.Second, InquireMax: time.Minute, ManualAfter: 24 * time.Hour},
		"ledger: {inquire_after: 0s, inquire_max: 0s, inquire_rate: 12.5}": {InquireRate: 12.5, ManualAfter: 24 * time.Hour},
	} {
		cfg, err := Load(write(t, file), nil)
		if err != nil {
			t.Fatal(err)
		}
		want.Statement = Default().Ledger.Statement
		if diff := cmp.Diff(want, cfg.Ledger); diff != "" {
			t.Errorf("%s: -want +got:\n%s", file, diff)
		}
	}
}

func TestM6TokensOfPeopleComeByAVariableToo(t *testing.T) {
	const amina, baraka = "0123456789abcdef", "123456789abcdef0"
	cfg, err := Load(write(t, "admin: {tokens: [{name: nobodys, token: fedcba9876543210}]}\n"), []string{"NYOTA_ADMIN_TOKENS=amina:" + amina + ",baraka:" + baraka})
	if err != nil {
		t.Fatal(err)
	}
	want := []AdminToken{{"amina", amina}, {"baraka", baraka}}
	if diff := cmp.Diff(want, cfg.Admin.Tokens); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, bad := range []string{"amina", "amina:" + amina + ",baraka:" + amina, "amina:short", ":" + amina, "amina:" + amina + ","} {
		_, err := Load(write(t, ""), []string{"NYOTA_ADMIN_TOKENS=" + bad})
		if err == nil || !strings.Contains(err.Error(), "admin.tokens[") {
			t.Errorf("%q: %v", bad, err)
		} else if strings.Contains(err.Error(), amina) || strings.Contains(err.Error(), ":short") {
			t.Errorf("a token is shown: %v", err)
		}
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	_, err := Load(write(t, ""), []string{"NYOTA_PORT=tcp://10.0.0.1:8080", "NYOTA_SERVICE_HOST=10.0.0.1", "PATH=/bin"})
	if err != nil {
		t.Error(err)
	}
}

func TestBadConfigurationNamesTheKey(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		env        []string
		want       string
	}{
		{"unknown section", "htp: {listen: x}", nil, "htp: unknown key"},
		{"unknown key", "http: {listn: '127.0.0.1:1'}", nil, "http.listn: unknown key"},
		{"unknown key of a link", "smpp: {links: [{name: a, address: 'h:1', system_id: s, windw: 3}]}", nil, "windw: unknown key"},
		{"wrong type", "dialog: {concurrent: many}", nil, "dialog.concurrent"},
		{"wrong type of a duration", "dialog: {session: soon}", nil, "dialog.session"},
		{"a list where a value belongs", "http: {listen: [a, b]}", nil, "http.listen"},
		{"bad address", "http: {listen: here}", nil, "http.listen must be host:port"},
		{"bad port", "http: {listen: 'h:99999'}", nil, "http.listen must be host:port"},
		{"bad store", "store: {kind: redis}", nil, "store.kind must be one of embedded, valkey"},
		{"valkey without addresses", "store: {kind: valkey}", nil, "store.addresses"},
		{"valkey without a key", "store: {kind: valkey, addresses: ['h:1']}", nil, "secret.key_file must name the file"},
		{"the same key twice", "secret: {key_file: a.key, other_key_file: ./a.key}", nil, "secret.other_key_file must be another file"},
		{"the same key as the store's own", "secret: {other_key_file: data/secret.key}", nil, "secret.other_key_file must be another file"},
		{"bad url", "core: {url: 'ftp://x'}", nil, "core.url must be an http or https URL"},
		{"no such core", "core: {kind: soap}", nil, "core.kind must be one of"},
		{"momo without an environment", "core: {kind: momo, momo: {collection: {user: u, key: k, subscription_key: s}}}", nil, "core.momo.environment must name"},
		{"momo without a product", "core: {kind: momo, momo: {environment: sandbox}}", nil, "core.momo.collection.user or"},
		{"momo without a key", "core: {kind: momo, momo: {environment: sandbox, disbursement: {user: u}}}", nil, "core.momo.disbursement.key and"},
		{"daraja without keys", "core: {kind: daraja}", nil, "core.daraja.consumer_key and"},
		{"daraja without callbacks", "core: {kind: daraja}\ncallbacks: {listen: ''}", nil, "callbacks.listen must be set"},
		{"daraja without a certificate", "core: {kind: daraja, daraja: {initiator: i}}", nil, "core.daraja.initiator_password and"},
		{"iso8583 without an address", "core: {kind: iso8583}", nil, "core.iso8583.address must be host:port"},
		{"iso8583 with a currency in letters", "core: {kind: iso8583, iso8583: {currency: TZS}}", nil, "core.iso8583.currency must be"},
		{"iso8583 with half a key", "core: {kind: iso8583, iso8583: {pin_key: '0123'}}", nil, "core.iso8583.pin_key must be"},
		{"long password", "smpp: {links: [{name: a, address: 'h:1', system_id: s, password: ninechars}]}", nil, "smpp.links[0].password must have 0 to 8"},
		{"bad version", "smpp: {links: [{name: a, address: 'h:1', system_id: s, version: '4.0'}]}", nil, "smpp.links[0].version must be one of"},
		{"transceiver of 3.3", "smpp: {links: [{name: a, address: 'h:1', system_id: s, version: 3.3}]}", nil, "smpp.links[0].bind must be transmitter or receiver"},
		{"negative rate", "smpp: {links: [{name: a, address: 'h:1', system_id: s, rate: -1}]}", nil, "smpp.links[0].rate must be 0"},
		{"bad prefix", "smpp: {links: [{name: a, address: 'h:1', system_id: s, prefixes: ['25571', '+255']}]}", nil, "smpp.links[0].prefixes[1] must be 1 to 15 digits"},
		{"bad form of ids", "smpp: {links: [{name: a, address: 'h:1', system_id: s, receipt_ids: octal}]}", nil, "smpp.links[0].receipt_ids must be one of"},
		{"certificate without its key", "smpp: {links: [{name: a, address: 'h:1', system_id: s, tls: true, tls_cert: c.pem}]}", nil, "smpp.links[0].tls_cert and tls_key must be set together"},
		{"certificate without TLS", "smpp: {links: [{name: a, address: 'h:1', system_id: s, tls_ca: c.pem}]}", nil, "smpp.links[0].tls must be true"},
		{"two senders of one network", "smpp: {links: [{name: a, address: 'h:1', system_id: s}, {name: b, address: 'h:1', system_id: s, sender: '15000'}]}", nil, "smpp.links[1].sender must be that of the other links"},
		{"receipts for half a network", "smpp: {links: [{name: a, address: 'h:1', system_id: s}, {name: b, address: 'h:1', system_id: s, receipts: true}]}", nil, "smpp.links[1].receipts must be that of the other links"},
		{"two alphabets of one network", "smpp: {links: [{name: a, address: 'h:1', system_id: s}, {name: b, address: 'h:1', system_id: s, alphabet: latin1}]}", nil, "smpp.links[1].alphabet must be that of the other links of network demo: gsm"},
		{"no such alphabet", "smpp: {links: [{name: a, address: 'h:1', system_id: s, alphabet: ebcdic}]}", nil, "smpp.links[0].alphabet must be one of gsm, latin1, ascii"},
		{"a data_coding too many", "smpp: {links: [{name: a, address: 'h:1', system_id: s, sms_dcs: 256}]}", nil, "smpp.links[0].sms_dcs must be 0 to 255"},
		{"no such long messages", "smpp: {links: [{name: a, address: 'h:1', system_id: s, long_messages: split}]}", nil, "smpp.links[0].long_messages must be one of udh8, udh16, sar, payload"},
		{"no such shift table", "smpp: {links: [{name: a, address: 'h:1', system_id: s, shift_tables: [klingon]}]}", nil, "smpp.links[0].shift_tables[0] must be one of turkish"},
		{"shift tables without a header", "smpp: {links: [{name: a, address: 'h:1', system_id: s, shift_tables: [turkish], long_messages: sar}]}", nil, "smpp.links[0].shift_tables need"},
		{"no such tolerance", "smpp: {links: [{name: a, address: 'h:1', system_id: s, tolerate: [all]}]}", nil, "smpp.links[0].tolerate[0] must be one of unterminated, short_tlv"},
		{"a network with a slash", "smpp: {links: [{name: a, address: 'h:1', system_id: s, network: a/sms}]}", nil, "smpp.links[0].network must have no /"},
		{"no such dialect", "smpp: {links: [{name: a, address: 'h:1', system_id: s, ussd: acme}]}", nil, "smpp.links[0].ussd must be one of standard"},
		{"a dialect without a name", "smpp: {dialects: [{like: standard}]}", nil, "smpp.dialects[0].name must name"},
		{"a dialect that is there already", "smpp: {dialects: [{name: none}]}", nil, "smpp.dialects[0].name is a dialect already: none"},
		{"a dialect like none", "smpp: {dialects: [{name: acme, like: acme}]}", nil, "smpp.dialects[0].like must be one of standard"},
		{"an operation too high", "smpp: {dialects: [{name: acme, ask: 256}]}", nil, `one is "256"`},
		{"letters without their dialect", "smpp: {dialects: [{name: acme, start: [PSSRI]}]}", nil, "letters need like: service-type"},
		{"letters too long", "smpp: {dialects: [{name: acme, like: service-type, start: [PSSRIND]}]}", nil, `1 to 5 letters of service_type; one is "PSSRIND"`},
		{"a dialect's data_coding", "smpp: {dialects: [{name: acme, dcs: gsm}]}", nil, "smpp.dialects[0].dcs must be a data_coding"},
		{"a dialect's session", "smpp: {dialects: [{name: acme, session: tlv}]}", nil, "smpp.dialects[0].session must be one of info, wide, reference, none"},
		{"an empty queue", "smpp: {queues: {bulk: 0}}", nil, "smpp.queues.bulk must be 1 to"},
		{"half the weights", "smpp: {weights: {answers: 4}}", nil, "smpp.weights.notices must be 1 to"},
		{"weights upside down", "smpp: {weights: {answers: 1, notices: 2, bulk: 1}}", nil, "smpp.weights must fall"},
		{"a retry of nothing", "smpp: {retries: [{after: 1s}]}", nil, "smpp.retries[0].status must be"},
		{"a retry of success", "smpp: {retries: [{status: ESME_ROK}]}", nil, "smpp.retries[0].status must be"},
		{"a retry twice", "smpp: {retries: [{status: 8}, {status: 8}]}", nil, "smpp.retries[1].status is there twice"},
		{"a retry for ever later", "smpp: {retries: [{status: 8, after: 48h}]}", nil, "smpp.retries[0].after must be"},
		{"two links of one name", "smpp: {links: [{name: a, address: 'h:1', system_id: s}, {name: a, address: 'h:1', system_id: s}]}", nil, "smpp.links[1].name is used twice"},
		{"admin off loopback", "admin: {listen: '0.0.0.0:1'}", nil, "admin.token or admin.tokens must be set"},
		{"an inquiry too soon", "ledger: {inquire_after: 10ms}", nil, "ledger.inquire_after must be 100ms to 1h"},
		{"pauses that shrink", "ledger: {inquire_after: 10s, inquire_max: 5s}", nil, "ledger.inquire_max must be 10s to 24h"},
		{"pauses of nothing", "ledger: {inquire_max: 1ms}", nil, "ledger.inquire_max must be 100ms to 24h"},
		{"a rate that asks nobody", "ledger: {inquire_rate: 0.01}", nil, "ledger.inquire_rate must be 0 (no limit), or 1 to 10000"},
		{"a negative rate", "ledger: {inquire_rate: -1}", nil, "ledger.inquire_rate must be 0"},
		{"two characters between columns", "ledger: {statement: {comma: ';;'}}", nil, "ledger.statement.comma must be one character"},
		{"no decimal point that is known", "ledger: {statement: {decimal: ';'}}", nil, "ledger.statement.decimal must be one of ., ,"},
		{"a choice of lines without value", "ledger: {statement: {only: channel}}", nil, "ledger.statement.only must be column=value"},
		{"admin certificates without a key", "admin: {tls_cert: a.pem}", nil, "admin.tls_cert and tls_key must be set together"},
		{"client certificates without TLS", "admin: {tls_client_ca: a.pem}", nil, "admin.tls_cert and tls_key must be set together"},
		{"no such way to follow", "menus: {follow: me}", nil, "menus.follow must be one of auto, published, files"},
		{"everybody on trial", "menus: {canary: {percent: 100}}", nil, "menus.canary.percent must be"},
		{"short admin token", "admin: {tokens: [{name: amina, token: short}]}", nil, "admin.tokens[0].token must have at least 16"},
		{"one token for two", "admin: {tokens: [{name: a, token: 0123456789abcdef}, {name: b, token: 0123456789abcdef}]}", nil, "admin.tokens[1].token is another one's too"},
		{"a name twice", "admin: {tokens: [{name: a, token: 0123456789abcdef}, {name: a, token: 0123456789abcdeg}]}", nil, "admin.tokens[1].name is taken"},
		{"a name in two cases", "admin: {tokens: [{name: amina, token: 0123456789abcdef}, {name: Amina, token: 0123456789abcdeg}]}", nil, "admin.tokens[1].name is taken, whatever its case: Amina"},
		{"the name of no person", "admin: {tokens: [{name: Admin, token: 0123456789abcdef}]}", nil, "admin.tokens[0].name is taken"},
		{"unknown variable", "", []string{"NYOTA_HTTP_LISTN=x"}, "NYOTA_HTTP_LISTN names no key"},
		{"bad variable", "", []string{"NYOTA_DIALOG_CONCURRENT=x"}, "dialog.concurrent"},
		{"not YAML", "http: [", nil, "config.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(write(t, tc.file), tc.env)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
}

func TestAllBadValuesAreSaidAtOnce(t *testing.T) {
	_, err := Load(write(t, "http: {listen: here}\nstore: {kind: redis}\nlog: {level: loud}\n"), nil)
	for _, key := range []string{"http.listen", "store.kind", "log.level"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
}

func TestLinkOfItsOwnKind(t *testing.T) {
	cfg, err := Load(write(t, `
smpp:
  links:
    - {name: a, address: 'h:1', system_id: s, rate: 12.5, prefixes: ["25571", "25565"], receipts: true, response_ids: hex,
       receipt_ids: decimal, tls: true, tls_ca: ca.pem, tls_cert: c.pem, tls_key: k.pem}
    - {name: b, address: 'h:1', system_id: s, network: other, sender: "15000", version: 5.0}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultLink()
	want.Name, want.Address, want.SystemID, want.Network, want.Hints = "a", "h:1", "s", "demo", "off"
	want.Rate, want.Prefixes, want.Receipts, want.ResponseIDs, want.ReceiptIDs = 12.5, []string{"25571", "25565"}, true, "hex", "decimal"
	want.TLS, want.TLSCA, want.TLSCert, want.TLSKey = true, "ca.pem", "c.pem", "k.pem"
	if diff := cmp.Diff(want, cfg.SMPP.Links[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if v := cfg.SMPP.Links[1].Version; v != "5" {
		t.Errorf("version %q", v)
	}
}

func TestNamedFileMustExist(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil {
		t.Fatal("accepted a file that is not there")
	}
}
