package coresim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	asha   = "255700000001"
	baraka = "255700000002"
	base   = "/v1.2/mm"
)

// quick is a core that takes no time, with changes.
func quick(change ...func(*Config)) Config {
	f := DefaultFaults()
	f.ServiceMS, f.AsyncMS = 0, 0
	cfg := Config{Faults: &f}
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

// begin serves a core over HTTP.
func begin(t *testing.T, cfg Config) (*Core, string) {
	t.Helper()
	c := New(cfg)
	s := httptest.NewServer(c)
	t.Cleanup(func() {
		s.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return c, s.URL
}

// answer is what came back; status 0 is a connection that was cut.
type answer struct {
	status int
	body   string
	header http.Header
}

func (a answer) code() string {
	var e errorObject
	_ = json.Unmarshal([]byte(a.body), &e)
	s := e.Category + "/" + e.Code
	for _, p := range e.Parameters {
		s += " " + p.Key + "=" + p.Value
	}
	return s
}

func ask(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}
	}
	return answer{resp.StatusCode, string(bytes.TrimSpace(b)), resp.Header}
}

// transfer is the body of one, from Asha.
func transfer(to string, amount any) string {
	return fmt.Sprintf(`{"amount":"%v","currency":"TZS","debitParty":[{"key":"msisdn","value":"+%s"}],"creditParty":[{"key":"msisdn","value":"+%s"}]}`, amount, asha, to)
}

func newID() string { return uuid.NewString() }

// pay posts a payment of a kind.
func pay(t *testing.T, url, kind, body, id, pin string) answer {
	t.Helper()
	return ask(t, "POST", url+base+"/transactions/type/"+kind, body, "X-CorrelationID", id, "X-User-Credential-1", pin)
}

func setFaults(t *testing.T, url, body string) {
	t.Helper()
	if a := ask(t, "PUT", url+"/faults", body); a.status != 200 {
		t.Fatalf("PUT /faults %s: %d %s", body, a.status, a.body)
	}
}

// sound fails if the books do not balance.
func sound(t *testing.T, c *Core) {
	t.Helper()
	total := int64(0)
	for id, b := range c.Balances() {
		total += b
		if b < 0 && id != trustAccount {
			t.Errorf("%s has %d", id, b)
		}
	}
	if total != 0 {
		t.Errorf("the books are off by %d", total)
	}
}
