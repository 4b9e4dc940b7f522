package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"nyota/gateway/dialog"
	"nyota/menus"
)

// MenusStatus is what GET /menus answers.
type MenusStatus struct {
	Node      string         `json:"node"`              // the gateway that answers
	Current   string         `json:"current"`           // revision that new dialogues begin on
	Previous  string         `json:"previous"`          // what a rollback returns to; "": nothing
	Canary    string         `json:"canary"`            // revision on trial; "": none
	Percent   float64        `json:"percent,omitempty"` // of the numbers that try it
	Files     string         `json:"files"`             // revision of this gateway's files; "": they have errors
	Broken    string         `json:"broken,omitempty"`  // those errors
	Behind    string         `json:"behind,omitempty"`  // why this gateway does not serve what is published
	Revisions []MenusCounted `json:"revisions"`         // the latest first
}

// MenusCounted is a revision, and its dialogues on the gateway that answers, since
// that started.
type MenusCounted struct {
	Revision   string    `json:"revision"`
	Published  time.Time `json:"published"`
	By         string    `json:"by"`
	Left       time.Time `json:"left,omitzero"` // when it was last offered; not there while it is
	Loaded     bool      `json:"loaded"`
	Open       int       `json:"open"`
	Begun      int64     `json:"begun"`
	Completed  int64     `json:"completed"`
	Abandoned  int64     `json:"abandoned"`
	Failed     int64     `json:"failed"`
	Completion *float64  `json:"completion,omitempty"` // share of those that are over; not there if none is
}

// maxListed bounds the revisions that GET /menus lists, beside those in use.
const maxListed = 20

// Menus answers
//
//	GET  /menus             what serves, and how dialogues fare
//	POST /menus/reload      publishes the files of this gateway
//	POST /menus/promote     ?percent= widens the trial; without it all numbers get the revision
//	POST /menus/rollback    ends the trial, or else returns to the revision before
//
// Promote and rollback take ?revision=: what must be on trial, or current; 409
// says that it is not. Each answers with the status that follows. Files with
// errors are answered with 422 and the errors.
func Menus(m *dialog.Menus, node string) http.Handler {
	mux := http.NewServeMux()
	status := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(menusStatus(m, node))
	}
	do := func(path string, action func(r *http.Request) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			before := m.Status()
			if err := action(r); err != nil {
				Did(r.Context(), "err", firstLine(err))
				menusError(w, err)
				return
			}
			after := m.Status()
			Did(r.Context(), "current", after.Current, "before", before.Current, "canary", after.Canary, "percent", after.Percent)
			status(w)
		})
	}
	mux.HandleFunc("GET /menus", func(w http.ResponseWriter, _ *http.Request) { status(w) })
	do("/menus/reload", func(r *http.Request) error {
		_, err := m.Reload(r.Context(), Who(r.Context()))
		return err
	})
	do("/menus/promote", func(r *http.Request) error {
		percent := 0.0
		if v := r.FormValue("percent"); v != "" {
			var err error
			if percent, err = strconv.ParseFloat(v, 64); err != nil || !(percent > 0 && percent <= 100) {
				return fmt.Errorf("%w: percent must be more than 0 and at most 100", errRequest)
			}
		}
		return m.Promote(r.Context(), r.FormValue("revision"), percent)
	})
	do("/menus/rollback", func(r *http.Request) error { return m.Rollback(r.Context(), r.FormValue("revision")) })
	return mux
}

// errRequest says that a request cannot be meant so.
var errRequest = errors.New("bad request")

func menusError(w http.ResponseWriter, err error) {
	var problems menus.Problems
	code := http.StatusServiceUnavailable
	switch {
	case errors.As(err, &problems):
		code = http.StatusUnprocessableEntity
	case errors.Is(err, errRequest):
		code = http.StatusBadRequest
	case errors.Is(err, dialog.ErrNoCanary), errors.Is(err, dialog.ErrNoPrevious), errors.Is(err, dialog.ErrMoved), errors.Is(err, dialog.ErrTooMany):
		code = http.StatusConflict
	}
	http.Error(w, err.Error(), code)
}

// firstLine is enough of an error for a log.
func firstLine(err error) string {
	var problems menus.Problems
	if errors.As(err, &problems) {
		return fmt.Sprintf("%d problems", len(problems))
	}
	return err.Error()
}

func menusStatus(m *dialog.Menus, node string) MenusStatus {
	st := m.Status()
	out := MenusStatus{Node: node, Current: st.Current, Previous: st.Previous, Canary: st.Canary, Percent: st.Percent,
		Files: st.Files, Revisions: []MenusCounted{}}
	if st.Broken != nil {
		out.Broken = st.Broken.Error()
	}
	if st.Behind != nil {
		out.Behind = st.Behind.Error()
	}
	for i, r := range st.All {
		offered := r.ID == st.Current || r.ID == st.Canary || r.ID == st.Previous
		if i >= maxListed && !offered && r.Open == 0 {
			continue
		}
		one := MenusCounted{Revision: r.ID, Published: r.Published, By: r.By, Left: r.Left, Loaded: r.Loaded,
			Open: r.Open, Begun: r.Begun, Completed: r.Completed, Abandoned: r.Abandoned, Failed: r.Failed}
		if share, ok := r.Completion(); ok {
			one.Completion = &share
		}
		out.Revisions = append(out.Revisions, one)
	}
	return out
}
