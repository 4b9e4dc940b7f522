package simulator

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// startSink serves until the test ends and returns the address.
func startSink(t *testing.T, cfg SinkConfig) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- NewSink(cfg).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

func TestASinkAnswersEachMessageWithAnIDOfItsOwn(t *testing.T) {
	addr := startSink(t, SinkConfig{})
	ids := map[string]bool{}
	const binds, messages = 3, 50
	for range binds {
		c, err := smpp.Dial(t.Context(), addr, smpp.Bind{SystemID: "LOAD"}, smpp.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Unbind(context.Background()) }()
		for range messages {
			p, err := c.Do(t.Context(), &pdu.SubmitSM{DestinationAddr: []byte("no number"), ShortMessage: []byte("x")})
			if err != nil {
				t.Fatal(err)
			}
			ids[string(p.Body.(*pdu.SubmitSMResp).MessageID)] = true
		}
	}
	if len(ids) != binds*messages {
		t.Errorf("%d ids for %d messages", len(ids), binds*messages)
	}
}

func TestASinkTakesNothingButMessages(t *testing.T) {
	c, err := smpp.Dial(t.Context(), startSink(t, SinkConfig{}), smpp.Bind{SystemID: "LOAD"}, smpp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Unbind(context.Background()) }()
	_, err = c.Do(t.Context(), &pdu.QuerySM{MessageID: []byte("1")})
	var status *smpp.StatusError
	if !errors.As(err, &status) || status.Status != pdu.StatusInvCmdID {
		t.Errorf("query_sm: %v", err)
	}
	if _, err := c.Do(t.Context(), &pdu.SubmitSM{}); err != nil {
		t.Errorf("submit_sm after it: %v", err)
	}
}

func TestASinkKnowsItsPassword(t *testing.T) {
	addr := startSink(t, SinkConfig{Password: "secret"})
	_, err := smpp.Dial(t.Context(), addr, smpp.Bind{SystemID: "LOAD", Password: "wrong"}, smpp.Config{})
	var status *smpp.StatusError
	if !errors.As(err, &status) || status.Status != pdu.StatusInvPaswd {
		t.Errorf("the wrong password: %v", err)
	}
	c, err := smpp.Dial(t.Context(), addr, smpp.Bind{SystemID: "LOAD", Password: "secret"}, smpp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Unbind(t.Context())
}

func TestASinkUnbindsItsClientsWhenItEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- NewSink(SinkConfig{}).Serve(ctx, l) }()
	c, err := smpp.Dial(t.Context(), l.Addr().String(), smpp.Bind{SystemID: "LOAD"}, smpp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	select {
	case <-c.Done():
		if !errors.Is(c.Err(), smpp.ErrUnbound) {
			t.Errorf("the connection ended with %v", c.Err())
		}
	case <-time.After(10 * time.Second):
		t.Error("the connection lives on")
	}
}

func TestASinkWhoseListenerFailsEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := NewSink(SinkConfig{}).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}
