package simulator

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// SinkConfig says how a Sink behaves.
type SinkConfig struct {
	SystemID string       // what it calls itself in bind responses; "SINK" if empty
	Password string       // what must be bound with; empty accepts every password
	MaxConns int          // SMPP connections at once; 1024 if 0
	Log      *slog.Logger // discards if nil
}

// Sink is an operator for measuring: it answers each submit_sm at once with a
// message id of its own, on the goroutine that read it, and keeps nothing. It has
// no handsets, no receipts and no faults, and never sends by itself. What is
// measured against it is the way there and back.
type Sink struct {
	srv   *smpp.Server
	count atomic.Uint64 // binds so far
	binds sync.Map      // *smpp.Conn to *sinkBind
}

// sinkBind is what the answers of one bind are made with. It belongs to the
// reader's goroutine of its connection, where Handlers run; the response is
// encoded there before the next request is read, so that one is enough.
type sinkBind struct {
	next uint64
	resp pdu.SubmitSMResp
}

// NewSink returns a Sink that does not serve yet.
func NewSink(cfg SinkConfig) *Sink {
	if cfg.SystemID == "" {
		cfg.SystemID = "SINK"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	k := &Sink{}
	k.srv = &smpp.Server{
		SystemID: cfg.SystemID,
		MaxConns: cfg.MaxConns,
		Config:   smpp.Config{Handler: smpp.HandlerFunc(k.serve), Logger: cfg.Log},
		Bind: func(_ context.Context, _ *smpp.Conn, b smpp.Bind) pdu.Status {
			if cfg.Password != "" && subtle.ConstantTimeCompare([]byte(b.Password), []byte(cfg.Password)) != 1 {
				return pdu.StatusInvPaswd
			}
			return 0
		},
		// Each bind counts its ids from a number of its own, so that they need not
		// agree on one.
		OnBound:  func(c *smpp.Conn) { k.binds.Store(c, &sinkBind{next: k.count.Add(1) << 40}) },
		OnClosed: func(c *smpp.Conn) { k.binds.Delete(c) },
	}
	return k
}

// serve answers one request.
func (k *Sink) serve(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
	if p.ID != pdu.IDSubmitSM {
		return nil, pdu.StatusInvCmdID
	}
	v, ok := k.binds.Load(c)
	if !ok {
		return nil, pdu.StatusInvBndSts
	}
	b := v.(*sinkBind)
	b.next++
	b.resp.MessageID = strconv.AppendUint(b.resp.MessageID[:0], b.next, 16)
	return &b.resp, 0
}

// Serve takes binds on l until ctx ends, then unbinds them within 2 s. A Sink
// serves once. It returns nil after an orderly end.
func (k *Sink) Serve(ctx context.Context, l net.Listener) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = k.srv.Shutdown(end)
	})
	err := k.srv.Serve(l)
	if stop() {
		// l failed by itself: nobody else ends the sessions.
		_ = k.srv.Close()
	} else {
		<-ended
	}
	if ctx.Err() != nil || errors.Is(err, smpp.ErrClosed) {
		return nil
	}
	return err
}
