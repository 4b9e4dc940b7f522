package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"nyota/gateway/core"
)

// A core that confirms one transfer.
func exampleCore() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1.2/mm/heartbeat" {
			_, _ = io.WriteString(w, `{"serviceStatus":"unavailable"}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"transactionReference":"8L21A","transactionStatus":"completed","type":"transfer","amount":"5000","currency":"TZS",
			"debitParty":[{"key":"msisdn","value":"+255700000001"}],"creditParty":[{"key":"msisdn","value":"+255700000002"}]}`)
	}))
}

func ExampleGSMA() {
	server := exampleCore()
	defer server.Close()
	g, err := core.NewGSMA(core.GSMAConfig{URL: server.URL + "/v1.2/mm", Currency: "TZS"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = g.Close() }()

	r := core.Request{
		ID: "0197f0c2-0000-7000-8000-000000000001", Call: core.Transfer, MSISDN: "255700000001",
		Args: core.Args{{Name: "to", Value: "255700000002"}, {Name: "amount", Value: "5000"}},
		PIN:  core.NewSecret([]byte("1234")),
	}
	// The wire key is stored, durably, before the request leaves.
	if r.WireKey, err = g.Prepare(r); err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	switch out, err := g.Call(ctx, r); {
	case errors.Is(err, core.ErrNotSent):
		fmt.Println("not sent, no money moved")
	case err != nil || out.Status == core.Unknown || out.Status == core.Pending:
		fmt.Println("received, we are checking, do not repeat")
	case out.Status == core.Rejected:
		fmt.Println("refused:", out.Reason)
	default:
		fmt.Println(out.Status, out.Ref, "with PIN", r.PIN)
	}
	// Output: done 8L21A with PIN ••••
}

func ExampleWatcher() {
	server := exampleCore()
	defer server.Close()
	g, err := core.NewGSMA(core.GSMAConfig{URL: server.URL + "/v1.2/mm", Currency: "TZS"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = g.Close() }()

	ctx, cancel := context.WithCancel(context.Background())
	w := core.NewWatcher(core.WatcherConfig{Health: g.Health, OnChange: func(h core.Health, down bool) {
		fmt.Println(h.State, down)
		cancel()
	}})
	w.Run(ctx)
	// Output: unavailable true
}
