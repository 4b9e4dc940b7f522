package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"nyota/gateway/simulator"
	"nyota/sessions"
)

func TestM3CallbackIsTakenAsLongAsThereAreTurns(t *testing.T) {
	g, err := Start(t.Context(), testConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return g.Stop(ctx)
	}
	stopped := make(chan error, 1)
	defer func() {
		if t.Failed() && len(stopped) == 0 {
			_ = stop()
		}
	}()
	h := handset(t, g, payer)
	toPIN(t, h, "0700000002", "5000")
	setFaults(t, g.Addr("simulator.core"), map[string]any{"workers": 1, "service_ms": 60_000}) // the turn takes all the time that it has
	if err := h.press(testPIN); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the payment is sent", func() bool {
		open, err := g.store.Open(t.Context(), payer)
		return err == nil && len(open) == 1 && open[0].State == sessions.Sent
	})
	admin, callbacks := "http://"+g.Addr("admin"), "http://"+g.Addr("callbacks")
	go func() { stopped <- stop() }()
	eventually(t, "the gateway stops", func() bool {
		return httpJSON(t, http.MethodGet, admin+"/readyz", nil, nil) == http.StatusServiceUnavailable
	})
	if code := httpJSON(t, http.MethodGet, admin+"/healthz", nil, nil); code != http.StatusOK {
		t.Errorf("/healthz %d: it would be killed in the middle of a turn", code)
	}
	code := httpJSON(t, http.MethodPut, callbacks+"/callbacks/nobodys", map[string]string{}, nil)
	if s := h.Snapshot(); s.State != simulator.Waiting {
		t.Fatalf("the turn ended too early for this test: %+v", s)
	}
	if code != http.StatusNotFound { // the ledger's own answer about what it does not know
		t.Errorf("a callback during the last turn: %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	shows(t, h, "checking")
	if resp, err := http.Get(callbacks); err == nil {
		_ = resp.Body.Close()
		t.Errorf("the listener outlives the gateway: %s", resp.Status)
	}
}

func TestDoorWaitsForWhoIsInsideAndAsksOthersToComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		var d door
		d.lead(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-leave
			w.WriteHeader(http.StatusNoContent)
		}))
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			d.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/callbacks/x", nil))
			return w
		}
		served, led := make(chan int, 1), make(chan struct{})
		go func() { served <- ask().Code }()
		synctest.Wait()
		go func() {
			d.lead(t.Context(), (&Gateway{}).closed("callbacks"))
			close(led)
		}()
		synctest.Wait()
		select {
		case <-led:
			t.Error("what is needed inside may be stopped now, and somebody is inside")
		default:
		}
		if w := ask(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("who comes later is answered %d %v: a core would not come again", w.Code, w.Header())
		}
		close(leave)
		<-led
		if code := <-served; code != http.StatusNoContent {
			t.Errorf("who was inside got %d", code)
		}
	})
}

func TestReadyzSaysWhyNothingIsServed(t *testing.T) {
	g := &Gateway{}
	err := errors.New("store: nobody listens")
	g.idle.Store(&err)
	w := httptest.NewRecorder()
	g.closed("http").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "nobody listens") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
