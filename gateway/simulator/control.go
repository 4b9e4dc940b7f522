package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Bounds of the control API.
const (
	maxBody = 8 << 10
	maxWait = 60 * time.Second
)

// Control returns the HTTP API that drives the handsets:
//
//	GET  /handsets                               all, without transcripts and inboxes
//	GET  /handsets/{msisdn}                      one, whole
//	POST /handsets/{msisdn}/dial   {"code": "*150*00#"}
//	POST /handsets/{msisdn}/press  {"text": "1"}
//	POST /handsets/{msisdn}/hangup
//	POST /handsets/{msisdn}/sms    {"to": "15000", "text": "PESA"}
//	POST /handsets/{msisdn}/read   {"id": 1}     marks an SMS as read; 0 or no body marks all
//	GET  /handsets/{msisdn}/wait?after=N&timeout=5s
//	GET  /faults, PUT /faults                    see Faults; PUT may be partial
//
// Answers are snapshots in JSON. What a handset can do is answered with 200
// even if the network fails then: the snapshot shows it, as a screen would. A
// key that no question waits for, or a second dial, is 409; bad input is 400.
// wait answers as soon as the revision is above N, and after the timeout (at
// most 60 s, 5 s if not given) with what there is. Requests that browsers make
// for other sites' pages are refused.
func (s *SMSC) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /handsets", func(w http.ResponseWriter, _ *http.Request) {
		list := []Snapshot{}
		for _, h := range s.Handsets() {
			list = append(list, h.Snapshot().Brief())
		}
		reply(w, http.StatusOK, list)
	})
	mux.HandleFunc("GET /handsets/{msisdn}", s.on(func(_ context.Context, h *Handset, _ *http.Request) error {
		return nil
	}))
	mux.HandleFunc("POST /handsets/{msisdn}/dial", s.on(func(ctx context.Context, h *Handset, r *http.Request) error {
		var in struct {
			Code string `json:"code"`
		}
		if err := read(r, &in, false); err != nil {
			return err
		}
		return h.Dial(ctx, in.Code)
	}))
	mux.HandleFunc("POST /handsets/{msisdn}/press", s.on(func(ctx context.Context, h *Handset, r *http.Request) error {
		var in struct {
			Text string `json:"text"`
		}
		if err := read(r, &in, false); err != nil {
			return err
		}
		return h.Press(ctx, in.Text)
	}))
	mux.HandleFunc("POST /handsets/{msisdn}/hangup", s.on(func(ctx context.Context, h *Handset, _ *http.Request) error {
		return h.HangUp(ctx)
	}))
	mux.HandleFunc("POST /handsets/{msisdn}/sms", s.on(func(ctx context.Context, h *Handset, r *http.Request) error {
		var in struct {
			To   string `json:"to"`
			Text string `json:"text"`
		}
		if err := read(r, &in, false); err != nil {
			return err
		}
		return h.SendSMS(ctx, in.To, in.Text)
	}))
	mux.HandleFunc("POST /handsets/{msisdn}/read", s.on(func(_ context.Context, h *Handset, r *http.Request) error {
		var in struct {
			ID int `json:"id"`
		}
		if err := read(r, &in, true); err != nil {
			return err
		}
		h.MarkRead(in.ID)
		return nil
	}))
	mux.HandleFunc("GET /handsets/{msisdn}/wait", s.wait)
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		f := s.Faults()
		err := read(r, &f, false)
		if err == nil {
			if e := s.SetFaults(f); e != nil {
				err = &badInput{e.Error()}
			}
		}
		if err != nil {
			refuse(w, err)
			return
		}
		reply(w, http.StatusOK, s.Faults())
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// badInput is an error of the request's sender.
type badInput struct{ what string }

func (e *badInput) Error() string { return e.what }

// on answers with the handset's snapshot after do.
func (s *SMSC) on(do func(context.Context, *Handset, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h, err := s.Handset(r.PathValue("msisdn"))
		if err == nil {
			// A caller that leaves does not take the customer's phone away: the
			// network's own time limits bound what follows.
			err = do(context.WithoutCancel(r.Context()), h, r)
		}
		var refused *RefusedError
		if err != nil && !errors.Is(err, ErrNoService) && !errors.As(err, &refused) {
			refuse(w, err)
			return
		}
		reply(w, http.StatusOK, h.Snapshot())
	}
}

func (s *SMSC) wait(w http.ResponseWriter, r *http.Request) {
	h, err := s.Handset(r.PathValue("msisdn"))
	if err != nil {
		refuse(w, err)
		return
	}
	var after uint64
	if v := r.URL.Query().Get("after"); v != "" {
		if after, err = strconv.ParseUint(v, 10, 64); err != nil {
			refuse(w, &badInput{"after: a revision is a whole number"})
			return
		}
	}
	timeout := 5 * time.Second
	if v := r.URL.Query().Get("timeout"); v != "" {
		if timeout, err = time.ParseDuration(v); err != nil || timeout < 0 {
			refuse(w, &badInput{"timeout: a duration is written as 5s or 500ms"})
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(timeout, maxWait))
	defer cancel()
	if _, err := h.After(ctx, after); err != nil && r.Context().Err() != nil {
		return // nobody is there any more
	}
	reply(w, http.StatusOK, h.Snapshot())
}

// read takes a JSON body into in. empty allows none.
func read(r *http.Request, in any, empty bool) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return &badInput{"the body is too long or was cut off"}
	}
	if empty && len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, in); err != nil {
		return &badInput{"the body is not the JSON that is expected here"}
	}
	return nil
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	var bad *badInput
	switch {
	case errors.As(err, &bad), errors.Is(err, ErrNotCode), errors.Is(err, ErrTooLong), errors.Is(err, ErrMSISDN), errors.Is(err, ErrNoText):
		code = http.StatusBadRequest
	case errors.Is(err, ErrBusy), errors.Is(err, ErrNotAsked):
		code = http.StatusConflict
	case errors.Is(err, ErrFull):
		code = http.StatusServiceUnavailable
	}
	reply(w, code, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}
