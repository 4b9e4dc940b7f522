package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"nyota/gateway/core"
	"nyota/menus"
	"nyota/sessions"
)

// Actions answers GET /actions/{msisdn} with the customer's actions that are not
// final, oldest first, and GET /actions/{msisdn}/{id} with any one of them. The
// number may be written as the country does, or with "+"; what is none is a 400,
// as an empty list would say that nothing is open.
func Actions(store sessions.Store, country menus.Country) http.Handler {
	mux := http.NewServeMux()
	number := func(w http.ResponseWriter, r *http.Request) (string, bool) {
		written := r.PathValue("msisdn")
		if msisdn, ok := country.MSISDN(written); ok {
			return msisdn, true
		}
		if msisdn, ok := strings.CutPrefix(written, "+"); ok && foreign.MatchString(msisdn) {
			return msisdn, true
		}
		own := strings.Repeat("7", country.National)
		http.Error(w, fmt.Sprintf("%q is no phone number: write it as %s%s, +%s%s or %s%s, and one of another country with its +",
			core.Clean(written, 24), country.Prefix, own, country.Prefix, own, country.Trunk, own), http.StatusBadRequest)
		return "", false
	}
	mux.HandleFunc("GET /actions/{msisdn}", func(w http.ResponseWriter, r *http.Request) {
		msisdn, ok := number(w, r)
		if !ok {
			return
		}
		open, err := store.Open(r.Context(), msisdn)
		lines := make([]actionLine, len(open))
		for i, a := range open {
			lines[i] = line(a, time.Now())
		}
		answer(w, lines, err)
	})
	mux.HandleFunc("GET /actions/{msisdn}/{id}", func(w http.ResponseWriter, r *http.Request) {
		msisdn, ok := number(w, r)
		if !ok {
			return
		}
		a, err := store.Action(r.Context(), msisdn, r.PathValue("id"))
		if err != nil {
			answer(w, nil, err)
			return
		}
		answer(w, line(a, time.Now()), nil)
	})
	return mux
}

// foreign is a number of another country, in E.164.
var foreign = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)

func answer(w http.ResponseWriter, body any, err error) {
	switch {
	case errors.Is(err, sessions.ErrNotFound):
		http.Error(w, "this number has no action of that id: gateway ledger show finds one of any number, by its id or a reference", http.StatusNotFound)
	case err != nil:
		http.Error(w, "the store does not answer: "+err.Error(), http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}
