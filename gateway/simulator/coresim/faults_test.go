package coresim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestFaultsAreShownAndChangedInPart(t *testing.T) {
	c, url := begin(t, Config{})
	var shown map[string]any
	if err := json.Unmarshal([]byte(ask(t, "GET", url+"/faults", "").body), &shown); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{"workers": 20.0, "service_ms": 5.0, "drop_answers": 0.0, "down": false, "heartbeat": "available"} {
		if shown[k] != want {
			t.Errorf("%s is %v, want %v", k, shown[k], want)
		}
	}
	setFaults(t, url, `{"service_ms": 100, "drop_answers": 0.5}`)
	want := DefaultFaults()
	want.ServiceMS, want.DropAnswers = 100, 0.5
	if c.Faults() != want {
		t.Errorf("%+v, want %+v", c.Faults(), want)
	}
	setFaults(t, url, `{"workers": 20, "service_ms": 5, "drop_answers": 0.0, "down": false}`)
	if c.Faults() != DefaultFaults() {
		t.Errorf("%+v, want the defaults", c.Faults())
	}
}

func TestBadFaultsAreRefusedAndChangeNothing(t *testing.T) {
	c, url := begin(t, Config{})
	for body, says := range map[string]string{
		`{"wrokers": 5}`:                       `unknown key \"wrokers\"`,
		`{"workers": 5, "Down": true}`:         `unknown key \"Down\"`,
		`{"workers": "5"}`:                     "workers must be a whole number",
		`{"workers": 1.5}`:                     "workers must be a whole number",
		`{"workers": 0}`:                       "workers must be from 1",
		`{"workers": null}`:                    "workers must be a whole number",
		`{"service_ms": -1}`:                   "service_ms must be from 0",
		`{"service_ms": 1e300}`:                "service_ms must be from 0",
		`{"drop_answers": 1.1}`:                "drop_answers must be from 0 to 1",
		`{"down": 1}`:                          "down must be true or false",
		`{"heartbeat": "tired"}`:               "heartbeat must be available",
		`{"planned_restoration": "tonight"}`:   "planned_restoration must be",
		`{"workers": 0, "drop_answers": 2}`:    "drop_answers",
		`{"workers": 5, "x": 1, "service": 2}`: "service",
		``:                                     "JSON object",
		`null`:                                 "JSON object",
		`[]`:                                   "JSON object",
		`{"workers": 5`:                        "JSON object",
		`{"x":"` + strings.Repeat("x", 20000) + `"}`: "too long",
	} {
		if a := ask(t, "PUT", url+"/faults", body); a.status != 400 || !strings.Contains(a.body, says) {
			t.Errorf("%.60s: %d %.200s", body, a.status, a.body)
		}
	}
	if c.Faults() != DefaultFaults() {
		t.Errorf("a refused change left %+v", c.Faults())
	}
}

func TestDeadCoreCutsConnections(t *testing.T) {
	c, url := begin(t, quick())
	setFaults(t, url, `{"down": true}`)
	for _, path := range []string{"/heartbeat", "/accounts/msisdn/+255700000002/accountname"} {
		if a := ask(t, "GET", url+base+path, ""); a.status != 0 {
			t.Errorf("%s: %d from a dead core", path, a.status)
		}
	}
	if a := pay(t, url, "transfer", transfer(baraka, 500), newID(), "1234"); a.status != 0 {
		t.Errorf("%d from a dead core", a.status)
	}
	setFaults(t, url, `{"down": false}`)
	if a := ask(t, "GET", url+base+"/heartbeat", ""); a.status != 200 {
		t.Errorf("%d after it came back", a.status)
	}
	if e := c.Effects(); len(e) != 0 {
		t.Errorf("a dead core did %v", e)
	}
}

func TestWhatWaitsWhenTheCoreDiesIsDoneWhenItIsBack(t *testing.T) {
	f := DefaultFaults()
	f.Workers, f.ServiceMS = 1, 0
	c, url := begin(t, Config{Faults: &f})
	release := hold(c)
	got := make(chan answer)
	go func() { got <- pay(t, url, "transfer", transfer(baraka, 500), newID(), "1234") }()
	queued(t, c, 1)
	setFaults(t, url, `{"down": true}`)
	if a := <-got; a.status != 0 {
		t.Errorf("%d from a core that died meanwhile", a.status)
	}
	release()
	if e := c.Effects(); len(e) != 0 {
		t.Errorf("a dead core did %v", e)
	}
	setFaults(t, url, `{"down": false}`)
	settled(t, c, 1)
	if e := c.Effects(); e[0].Times != 1 {
		t.Errorf("%+v", e)
	}
}

func TestLostAnswersTakeEffect(t *testing.T) {
	c, url := begin(t, quick())
	setFaults(t, url, `{"drop_answers": 1}`)
	id := newID()
	if a := pay(t, url, "transfer", transfer(baraka, 500), id, "1234"); a.status != 0 {
		t.Errorf("%d: the answer was to be lost", a.status)
	}
	// What took no effect is answered, and so is what only reads.
	if a := pay(t, url, "transfer", transfer(baraka, 500), newID(), "0000"); a.status != 401 {
		t.Errorf("a refusal: %d", a.status)
	}
	if a := ask(t, "GET", url+base+"/responses/"+id, ""); a.status != 200 || !strings.Contains(a.body, "/transactions/") {
		t.Errorf("an inquiry: %d %s", a.status, a.body)
	}
	if a := pay(t, url, "transfer", transfer(baraka, 500), id, "1234"); a.code() != "businessRule/duplicateRequest" {
		t.Errorf("a repeat: %s", a.code())
	}
	want := Effect{CorrelationID: id, Type: "transfer", Amount: "500", Debit: asha, Credit: baraka, Times: 1}
	if e := c.Effects(); len(e) != 1 || e[0] != want {
		t.Errorf("%+v, want %+v", e, want)
	}
	sound(t, c)
}

func TestShareOfLostAnswersIsAsSet(t *testing.T) {
	n := 0
	_, url := begin(t, quick(func(c *Config) {
		c.Rand = func() float64 { n++; return float64(n%10) / 10 }
	}))
	setFaults(t, url, `{"drop_answers": 0.3}`)
	lost := 0
	for range 20 {
		if pay(t, url, "transfer", transfer(baraka, 100), newID(), "1234").status == 0 {
			lost++
		}
	}
	if lost == 0 || lost == 20 {
		t.Errorf("%d of 20 lost", lost)
	}
}

func TestHeartbeatSaysWhatItIsTold(t *testing.T) {
	_, url := begin(t, quick())
	setFaults(t, url, `{"heartbeat": "unavailable", "planned_restoration": "2026-12-08T21:30:00Z"}`)
	if a := ask(t, "GET", url+base+"/heartbeat", ""); a.status != 200 ||
		a.body != `{"plannedRestorationTime":"2026-12-08T21:30:00Z","serviceStatus":"unavailable"}` {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestSickBillerKeepsItsOwnPaymentsWaiting(t *testing.T) {
	f := DefaultFaults()
	f.ServiceMS, f.Sick, f.SickMS = 0, "luku", 600_000
	c := New(Config{Faults: &f})
	c.ail([]pair{{Key: "serviceprovider", Value: "200200"}}) // another biller: returns at once
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		c.ail([]pair{{Key: "serviceprovider", Value: "LUKU"}})
	}()
	select {
	case <-waited:
		t.Error("the sick biller did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	if err := c.Close(); err != nil { // ends the wait
		t.Fatal(err)
	}
	<-waited
}
