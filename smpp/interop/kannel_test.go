package interop_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// kannel is a bearerbox, bound to our Server, with a smsbox whose only service
// asks a web server of the test what to answer.
type kannel struct {
	t         *testing.T
	conf      string
	boxes     int // port of bearerbox for smsbox
	bearerbox *process
	smsbox    *process
	admin     int              // port of bearerbox's status
	sendsms   int              // port of smsbox's sendsms
	mo        chan url.Values  // what the service was asked
	dlr       chan url.Values  // what smsbox was told of deliveries
	web       *http.Client     // to smsbox
	service   *httptest.Server // of smsbox
}

// kannelConf is bearerbox's and smsbox's configuration. The places are for the
// ports of admin and smsbox, the binds, the port of sendsms and the service's
// address. Everything listens on the loopback only.
const kannelConf = `
group = core
admin-port = %[1]d
admin-interface = 127.0.0.1
admin-password = admin
admin-allow-ip = 127.0.0.1
smsbox-port = %[2]d
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-level = 0

%[3]s
group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %[2]d
sendsms-port = %[4]d
sendsms-interface = 127.0.0.1
global-sender = 15000
log-level = 0

group = sendsms-user
username = user
password = pass
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
concatenation = true
max-messages = 10
accept-x-kannel-headers = true
get-url = "%[5]s/mo?from=%%p&to=%%P&text=%%b&coding=%%c"
`

// kannelBind is the configuration of one bind.
const kannelBind = `
group = smsc
smsc = smpp
smsc-id = nyota
host = 127.0.0.1
%s = %d
transceiver-mode = %t
smsc-username = kannel
smsc-password = secret
system-type = VMA
interface-version = 34
enquire-link-interval = 1
reconnect-delay = 1
`

// startKannel starts both boxes.
func startKannel(t *testing.T, binds string) *kannel {
	t.Helper()
	k := &kannel{t: t, conf: filepath.Join(t.TempDir(), "kannel.conf"), sendsms: freePort(t),
		mo: make(chan url.Values, 100), dlr: make(chan url.Values, 100),
		web: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}}
	k.service = httptest.NewServer(http.HandlerFunc(k.serve))
	t.Cleanup(k.service.Close)
	k.admin, k.boxes = freePort(t), freePort(t)
	conf := fmt.Sprintf(kannelConf, k.admin, k.boxes, binds, k.sendsms, k.service.URL)
	if err := os.WriteFile(k.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	k.startBearerbox()
	k.startSmsbox()
	return k
}

func (k *kannel) startBearerbox() {
	k.t.Helper()
	k.bearerbox = start(k.t, nil, need(k.t, "bearerbox"), k.conf)
}

// startSmsbox waits for bearerbox, which smsbox does not. It looks at the system's
// list of sockets, as bearerbox takes any connection for a smsbox.
func (k *kannel) startSmsbox() {
	k.t.Helper()
	listening := fmt.Sprintf(" 0100007F:%04X 00000000:0000 0A ", k.boxes)
	eventually(k.t, "bearerbox listens", func() bool {
		sockets, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			k.t.Fatal(err)
		}
		return strings.Contains(string(sockets), listening)
	})
	k.smsbox = start(k.t, nil, need(k.t, "smsbox"), k.conf)
}

// serve is the web server that smsbox asks and tells. It answers a customer with
// what the customer said.
func (k *kannel) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.URL.Path == "/dlr" {
		k.dlr <- q
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	if q.Get("coding") == "2" { // as octets, unlike 7-bit text
		q.Set("text", text.DecodeUCS2([]byte(q.Get("text"))))
		w.Header().Set("X-Kannel-Coding", "2")
	}
	k.mo <- q
	_, _ = io.WriteString(w, q.Get("text"))
}

// get asks one of the boxes.
func (k *kannel) get(t *testing.T, port int, path string, q url.Values) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr(port)+path+"?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := k.web.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// ready waits until bearerbox knows smsbox. Until then smsbox dies of a message.
func (k *kannel) ready(t *testing.T) {
	t.Helper()
	eventually(t, "smsbox is connected", func() bool {
		_, body := k.get(t, k.admin, "/status.txt", url.Values{"password": {"admin"}})
		return strings.Contains(body, "smsbox:(none),")
	})
}

// send gives smsbox a message to submit.
func (k *kannel) send(t *testing.T, q url.Values) {
	t.Helper()
	k.ready(t)
	q.Set("username", "user")
	q.Set("password", "pass")
	q.Set("to", customer)
	q.Set("charset", "UTF-8")
	if status, body := k.get(t, k.sendsms, "/cgi-bin/sendsms", q); status != http.StatusAccepted {
		t.Fatalf("smsbox answers %d %s", status, body)
	}
}

// exchange gives a message of a customer to Kannel, and expects it back.
func (k *kannel) exchange(t *testing.T, c *centre, conn *smpp.Conn, s, carrier string, ref uint16) {
	t.Helper()
	for _, m := range carry(t, s, carrier, ref) {
		do[*pdu.DeliverSMResp](t, conn, deliverOf(m))
	}
	if q := take(t, "question to the service", k.mo); q.Get("text") != s || q.Get("from") != "+"+customer || q.Get("to") != shortCode {
		t.Errorf("the service was asked %q\nwant %q", q, s)
	}
	got := newJoiner(text.Coding{}).whole(t, func() message {
		b := request[*pdu.SubmitSM](t, c)
		if string(b.SourceAddr) != shortCode || string(b.DestinationAddr) != customer || b.DestAddrTON != pdu.TONInternational {
			t.Errorf("answered from %s to %s", b.SourceAddr, b.DestinationAddr)
		}
		return ofSubmit(b)
	})
	if got != s {
		t.Errorf("answered %q\nwant %q", got, s)
	}
}

func TestKannelOverOneBind(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{EnquireInterval: 300 * time.Millisecond})
	k := startKannel(t, fmt.Sprintf(kannelBind, "port", c.r.port, true))
	conn := c.session(t, pdu.IDBindTransceiver)
	if b := conn.Bound(); b.SystemID != "kannel" || b.SystemType != "VMA" || conn.InterfaceVersion() != 0x34 {
		t.Errorf("bound by %+v", b)
	}
	t.Run("messages of its web interface", func(t *testing.T) {
		for _, m := range texts {
			t.Run(m.name, func(t *testing.T) {
				q := url.Values{"from": {"NYOTA"}, "text": {m.text}}
				if e, _ := text.Choose(m.text); e == text.UCS2 {
					q.Set("coding", "2")
				}
				k.send(t, q)
				got := newJoiner(text.Coding{}).whole(t, func() message {
					b := request[*pdu.SubmitSM](t, c)
					if string(b.SourceAddr) != "NYOTA" || b.SourceAddrTON != pdu.TONAlphanumeric {
						t.Errorf("from %s, type %d", b.SourceAddr, b.SourceAddrTON)
					}
					return ofSubmit(b)
				})
				if got != m.text {
					t.Errorf("got %q\nwant %q", got, m.text)
				}
			})
		}
	})
	t.Run("customers' messages and answers", func(t *testing.T) {
		eachMessage(t, func(t *testing.T, s, carrier string, ref uint16) { k.exchange(t, c, conn, s, carrier, ref) })
	})
	t.Run("receipts", func(t *testing.T) { k.receipts(t, c, conn) })
	t.Run("enquire_link both ways", func(t *testing.T) {
		// Each of the four: ours, theirs, and the responses.
		for _, id := range []pdu.CommandID{pdu.IDEnquireLink, pdu.IDEnquireLinkResp} {
			for _, down := range []bool{false, true} {
				eventually(t, fmt.Sprintf("%s, down %v", id, down), func() bool { return c.r.count(t, id, down) > 0 })
			}
		}
	})
	wellBehaved(t, conn)
	t.Run("it binds again after an unbind", func(t *testing.T) {
		unbind(t, conn)
		conn = c.session(t, pdu.IDBindTransceiver)
		k.exchange(t, c, conn, "after an unbind", "UDH", 1)
	})
	t.Run("it binds again after kill -9", func(t *testing.T) {
		k.bearerbox.kill()
		if err := c.over(t, conn); err == nil || errors.Is(err, smpp.ErrUnbound) {
			t.Errorf("ended by %v", err)
		}
		k.startBearerbox()
		conn = c.session(t, pdu.IDBindTransceiver)
		k.send(t, url.Values{"from": {"NYOTA"}, "text": {"after a kill"}})
		if b := request[*pdu.SubmitSM](t, c); string(b.ShortMessage) != "after a kill" {
			t.Errorf("got %q", b.ShortMessage)
		}
		k.exchange(t, c, conn, "after a kill", "UDH", 2)
	})
	t.Run("it unbinds when it stops", func(t *testing.T) {
		if err := k.bearerbox.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := c.over(t, conn); !errors.Is(err, smpp.ErrUnbound) {
			t.Errorf("ended by %v", err)
		}
		wellBehaved(t, conn)
	})
	c.r.check(t)
}

// receipts checks that Kannel knows our receipts, in each form, as those of the
// messages that it submitted, and tells who asked.
func (k *kannel) receipts(t *testing.T, c *centre, conn *smpp.Conn) {
	// Bits of Kannel's dlr-mask, which is also what it tells.
	const delivered, failed, submitted = "1", "2", "8"
	for _, f := range []struct {
		name  string
		state uint8
		tlvs  bool
		told  string
	}{
		{"in text", pdu.StateDelivered, false, delivered},
		{"in text and optional parameters", pdu.StateDelivered, true, delivered},
		{"of a failure", pdu.StateUndeliverable, true, failed},
		{"of a message that came too late", pdu.StateExpired, false, failed},
	} {
		t.Run(f.name, func(t *testing.T) {
			k.send(t, url.Values{"from": {"NYOTA"}, "text": {"Habari"}, "dlr-mask": {"31"},
				"dlr-url": {k.service.URL + "/dlr?told=%d&id=%F"}})
			b := request[*pdu.SubmitSM](t, c)
			if b.RegisteredDelivery&pdu.ReceiptMask != pdu.ReceiptAlways {
				t.Errorf("registered_delivery %#x", b.RegisteredDelivery)
			}
			if q := take(t, "word of the submission", k.dlr); q.Get("told") != submitted {
				t.Errorf("told %q", q)
			}
			id := string(c.messageID())
			do[*pdu.DeliverSMResp](t, conn, receiptFor(b, id, f.state, f.tlvs))
			if q := take(t, "word of the delivery", k.dlr); q.Get("told") != f.told || q.Get("id") != id {
				t.Errorf("told %q, want %s of %s", q, f.told, id)
			}
		})
	}
}

func TestKannelOverTwoBinds(t *testing.T) {
	t.Parallel()
	c := startCentre(t, smpp.Config{})
	k := startKannel(t, fmt.Sprintf(kannelBind, "port", c.r.port, false)+fmt.Sprintf(kannelBind, "receive-port", c.r.port, false))
	sessions := map[pdu.CommandID]*smpp.Conn{}
	for range 2 {
		conn := take(t, "bind", c.sessions)
		sessions[conn.Bound().Type] = conn
	}
	in, out := sessions[pdu.IDBindReceiver], sessions[pdu.IDBindTransmitter]
	if in == nil || out == nil {
		t.Fatalf("bound by %v", sessions)
	}
	k.ready(t)
	k.exchange(t, c, in, texts[0].text, "UDH", 1)
	if s := out.Stats(); s.Received < 2 { // the bind and the answer
		t.Errorf("the transmitter got %+v", s)
	}
	k.bearerbox.kill()
	c.r.check(t)
}
