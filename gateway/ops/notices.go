package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"nyota/menus"
)

// maxNotice bounds the body of POST /notices, in octets.
const maxNotice = 64 << 10

// Notices answers
//
//	GET    /notices        all notices, with their states
//	POST   /notices        sets one (a Notice without id), and returns it
//	DELETE /notices/{id}   takes one off
//
// A notice that is wrong is answered with 422 and what to write instead.
func Notices(b *Board) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /notices", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, b.List()) })
	mux.HandleFunc("POST /notices", func(w http.ResponseWriter, r *http.Request) {
		var n Notice
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNotice))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&n); err != nil {
			noticeError(w, fmt.Errorf("%w: %w", errRequest, err))
			return
		}
		Did(r.Context(), "kind", n.Kind, "call", n.Call, "from", n.From, "until", n.Until)
		n, err := b.Set(r.Context(), n, Who(r.Context()))
		if err != nil {
			noticeError(w, err)
			return
		}
		Did(r.Context(), "notice", n.ID)
		writeJSON(w, n)
	})
	mux.HandleFunc("DELETE /notices/{id}", func(w http.ResponseWriter, r *http.Request) {
		n, err := b.Clear(r.Context(), r.PathValue("id"))
		if err != nil {
			noticeError(w, err)
			return
		}
		Did(r.Context(), "kind", n.Kind, "call", n.Call)
		writeJSON(w, n)
	})
	return mux
}

func noticeError(w http.ResponseWriter, err error) {
	var problems menus.Problems
	code := http.StatusServiceUnavailable
	switch {
	case errors.As(err, &problems), errors.Is(err, ErrNotice):
		code = http.StatusUnprocessableEntity
	case errors.Is(err, errRequest):
		code = http.StatusBadRequest
	case errors.Is(err, ErrNoNotice):
		code = http.StatusNotFound
	case errors.Is(err, ErrBoardFull):
		code = http.StatusConflict
	}
	http.Error(w, err.Error(), code)
}

func writeJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
