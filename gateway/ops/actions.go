package ops

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"nyota/sessions"
)

// Actions answers GET /actions/{msisdn} with the customer's actions that are not
// final, oldest first, and GET /actions/{msisdn}/{id} with any one of them.
func Actions(store sessions.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /actions/{msisdn}", func(w http.ResponseWriter, r *http.Request) {
		open, err := store.Open(r.Context(), r.PathValue("msisdn"))
		lines := make([]actionLine, len(open))
		for i, a := range open {
			lines[i] = line(a, time.Now())
		}
		answer(w, lines, err)
	})
	mux.HandleFunc("GET /actions/{msisdn}/{id}", func(w http.ResponseWriter, r *http.Request) {
		a, err := store.Action(r.Context(), r.PathValue("msisdn"), r.PathValue("id"))
		if err != nil {
			answer(w, nil, err)
			return
		}
		answer(w, line(a, time.Now()), nil)
	})
	return mux
}

func answer(w http.ResponseWriter, body any, err error) {
	switch {
	case errors.Is(err, sessions.ErrNotFound):
		http.Error(w, "no such action", http.StatusNotFound)
	case err != nil:
		http.Error(w, "the store does not answer: "+err.Error(), http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}
