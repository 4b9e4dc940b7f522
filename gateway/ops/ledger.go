package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"nyota/gateway/ledger"
	"nyota/sessions"
)

// listed bounds the answer to a list.
const listed = 5000

// CaseLine is an action as operators see it: all that is recorded of it, but no
// secret.
type CaseLine struct {
	ID        string            `json:"id"`
	MSISDN    string            `json:"msisdn"`
	State     string            `json:"state"`
	Call      string            `json:"call"`
	Args      map[string]string `json:"args"`
	Reference string            `json:"reference"` // what the customer was told to quote
	Ref       string            `json:"ref,omitempty"`
	WireKey   string            `json:"wire_key,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Detail    string            `json:"detail,omitempty"`
	Inquiries uint32            `json:"inquiries"`
	Created   time.Time         `json:"created"`
	Sent      *time.Time        `json:"sent,omitempty"`
	Ended     *time.Time        `json:"ended,omitempty"`
	Next      *time.Time        `json:"next_inquiry,omitempty"`
	Reverses  string            `json:"reverses,omitempty"`
	Reversal  string            `json:"reversal,omitempty"`
	Proposal  *ProposalLine     `json:"proposal,omitempty"`
	History   []EntryLine       `json:"history,omitempty"`
}

// ProposalLine is what an operator proposed and nobody confirmed yet.
type ProposalLine struct {
	Outcome string    `json:"outcome"`
	Ref     string    `json:"ref,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Note    string    `json:"note"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// EntryLine is a line of what operators did.
type EntryLine struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	What string    `json:"what"`
	Note string    `json:"note,omitempty"`
}

// DiscrepancyLine is a discrepancy as operators see it.
type DiscrepancyLine struct {
	ID       string     `json:"id"`
	Action   string     `json:"action"`
	MSISDN   string     `json:"msisdn"`
	Kind     string     `json:"kind"`
	State    string     `json:"state"`    // open or closed
	Recorded string     `json:"recorded"` // the action's state when it came
	Claim    string     `json:"claim"`
	Detail   string     `json:"detail,omitempty"`
	Times    uint32     `json:"times"`
	First    time.Time  `json:"first"`
	Last     time.Time  `json:"last"`
	Closed   *time.Time `json:"closed,omitempty"`
	ClosedBy string     `json:"closed_by,omitempty"`
	Note     string     `json:"note,omitempty"`
}

// List is an answer with many lines.
type List[T any] struct {
	Items []T  `json:"items"`
	More  bool `json:"more,omitempty"` // there are more than the answer has
}

// NewCaseLine is the line of an action.
func NewCaseLine(a sessions.Action) CaseLine {
	l := CaseLine{ID: a.ID, MSISDN: a.MSISDN, State: ledger.StateName(a.State), Call: a.Call, Args: map[string]string{},
		Reference: ledger.Reference(a), Ref: a.Ref, WireKey: a.WireKey, Reason: a.Reason, Detail: a.Detail,
		Inquiries: a.Inquiry, Created: a.Created, Sent: some(a.SentAt), Ended: some(a.EndedAt), Next: some(a.Due),
		Reverses: a.Reverses, Reversal: a.Reversal}
	for _, arg := range a.Args {
		if arg.Sealed == nil {
			l.Args[arg.Name] = arg.Value
		}
	}
	if p := a.Proposal; p.State != 0 {
		outcome := map[sessions.ActionState]string{sessions.Done: ledger.SayDone, sessions.Rejected: ledger.SayRejected}[p.State]
		if outcome == "" {
			outcome = ledger.SayReverse
		}
		l.Proposal = &ProposalLine{Outcome: outcome, Ref: p.Ref, Reason: p.Reason, Note: p.Note, By: p.By, At: p.At}
	}
	for _, e := range a.History {
		l.History = append(l.History, EntryLine(e))
	}
	return l
}

func newDiscrepancyLine(d sessions.Discrepancy) DiscrepancyLine {
	state := "open"
	if d.State == sessions.DiscrepancyClosed {
		state = "closed"
	}
	return DiscrepancyLine{ID: d.ID, Action: d.Action, MSISDN: d.MSISDN, Kind: d.Kind, State: state, Recorded: ledger.StateName(d.Recorded),
		Claim: d.Claim, Detail: d.Detail, Times: d.Times, First: d.First, Last: d.Last, Closed: some(d.Closed), ClosedBy: d.ClosedBy, Note: d.Note}
}

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// named says whether a caller is a person: a token that several may share, or
// none, cannot make two.
func named(who string) bool {
	who = strings.TrimSpace(who)
	return !strings.EqualFold(who, Nobody) && !strings.EqualFold(who, SharedName)
}

// SharedName is the name of the single token of the configuration.
const SharedName = "admin"

// Ledger answers what gateway ledger asks: what waits for operators, and what
// they decide. Only a person with a token of their own may decide.
//
//	GET  /ledger/actions?state=manual            {items: [CaseLine], more}
//	GET  /ledger/actions/{name}                  by id, reference or the core's reference
//	POST /ledger/actions/{msisdn}/{id}/propose   {outcome, ref, reason, note}
//	POST /ledger/actions/{msisdn}/{id}/confirm
//	POST /ledger/actions/{msisdn}/{id}/withdraw  {note}
//	POST /ledger/actions/{msisdn}/{id}/late      {outcome, note}: the core's books say the opposite
//	GET  /ledger/discrepancies?all=1             {items: [DiscrepancyLine], more}
//	POST /ledger/discrepancies/{msisdn}/{action}/{kind}/close  {note}
//	GET  /ledger/day?from=&to=                   a CaseLine a line, then {"end":true}; times in RFC 3339
func Ledger(l *ledger.Ledger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ledger/actions", func(w http.ResponseWriter, r *http.Request) {
		state, ok := ledger.StateOf(r.URL.Query().Get("state"))
		if !ok || state.Final() {
			http.Error(w, "state: one of accepted, sent, unknown, manual", http.StatusBadRequest)
			return
		}
		all, more, err := l.Waiting(r.Context(), state, listed)
		body := List[CaseLine]{Items: []CaseLine{}, More: more}
		for _, a := range all {
			body.Items = append(body.Items, NewCaseLine(a))
		}
		decided(w, body, err)
	})
	mux.HandleFunc("GET /ledger/actions/{name}", func(w http.ResponseWriter, r *http.Request) {
		a, err := l.Find(r.Context(), r.PathValue("name"))
		decided(w, NewCaseLine(a), err)
	})
	decide := func(pattern string, do func(r *http.Request, who string, v verdictBody) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			who := Who(r.Context())
			if !named(who) {
				http.Error(w, "a person's own token is needed: see admin.tokens in the configuration", http.StatusForbidden)
				return
			}
			var v verdictBody
			dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&v); err != nil && r.ContentLength != 0 {
				http.Error(w, "the body cannot be read: "+err.Error(), http.StatusBadRequest)
				return
			}
			body, err := do(r, who, v)
			decided(w, body, err)
		})
	}
	decide("POST /ledger/actions/{msisdn}/{id}/propose", func(r *http.Request, who string, v verdictBody) (any, error) {
		a, err := l.Propose(r.Context(), who, r.PathValue("msisdn"), r.PathValue("id"), ledger.Verdict(v))
		return NewCaseLine(a), err
	})
	decide("POST /ledger/actions/{msisdn}/{id}/confirm", func(r *http.Request, who string, _ verdictBody) (any, error) {
		a, err := l.Confirm(r.Context(), who, r.PathValue("msisdn"), r.PathValue("id"))
		return NewCaseLine(a), err
	})
	decide("POST /ledger/actions/{msisdn}/{id}/withdraw", func(r *http.Request, who string, v verdictBody) (any, error) {
		a, err := l.Withdraw(r.Context(), who, r.PathValue("msisdn"), r.PathValue("id"), v.Note)
		return NewCaseLine(a), err
	})
	decide("POST /ledger/actions/{msisdn}/{id}/late", func(r *http.Request, _ string, v verdictBody) (any, error) {
		d, err := l.Late(r.Context(), r.PathValue("msisdn"), r.PathValue("id"), ledger.Verdict(v))
		return newDiscrepancyLine(d), err
	})
	mux.HandleFunc("GET /ledger/discrepancies", func(w http.ResponseWriter, r *http.Request) {
		all, more, err := l.Discrepancies(r.Context(), r.URL.Query().Get("all") != "", listed)
		body := List[DiscrepancyLine]{Items: []DiscrepancyLine{}, More: more}
		for _, d := range all {
			body.Items = append(body.Items, newDiscrepancyLine(d))
		}
		decided(w, body, err)
	})
	decide("POST /ledger/discrepancies/{msisdn}/{action}/{kind}/close", func(r *http.Request, who string, v verdictBody) (any, error) {
		d, err := l.CloseDiscrepancy(r.Context(), who, r.PathValue("msisdn"), r.PathValue("action")+"/"+r.PathValue("kind"), v.Note)
		return newDiscrepancyLine(d), err
	})
	mux.HandleFunc("GET /ledger/day", func(w http.ResponseWriter, r *http.Request) { day(w, r, l) })
	return mux
}

// verdictBody is the body of what operators decide.
type verdictBody struct {
	Outcome string `json:"outcome"`
	Ref     string `json:"ref"`
	Reason  string `json:"reason"`
	Note    string `json:"note"`
}

// day streams the actions of a time. Its last line says that none is missing: an
// answer without it was cut off.
func day(w http.ResponseWriter, r *http.Request, l *ledger.Ledger) {
	from, ferr := time.Parse(time.RFC3339, r.URL.Query().Get("from"))
	to, terr := time.Parse(time.RFC3339, r.URL.Query().Get("to"))
	if ferr != nil || terr != nil || !from.Before(to) {
		http.Error(w, "from, to: two times in RFC 3339, the earlier first", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	err := l.Day(r.Context(), from, to, func(a sessions.Action) error { return enc.Encode(NewCaseLine(a)) })
	if err != nil {
		_ = enc.Encode(map[string]string{"error": err.Error()})
		return
	}
	_ = enc.Encode(map[string]bool{"end": true})
}

// decided writes an answer, or what is wrong in words that say what to do.
func decided(w http.ResponseWriter, body any, err error) {
	say := func(status int, format string, args ...any) { http.Error(w, fmt.Sprintf(format, args...), status) }
	text := ""
	if err != nil {
		text = strings.TrimPrefix(err.Error(), "ledger: ")
	}
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(body)
	case errors.Is(err, sessions.ErrNotFound):
		say(http.StatusNotFound, "nothing of that name is kept: name an action by its id, its reference or the core's, a discrepancy by its id;"+
			" gateway ledger list and gateway ledger discrepancies have those that wait, and final actions are kept for store.retain")
	case errors.Is(err, sessions.ErrInvalid):
		say(http.StatusBadRequest, "%s", text)
	case errors.Is(err, ledger.ErrTwoPersons):
		say(http.StatusForbidden, "%s", text)
	case errors.Is(err, ledger.ErrRefused), errors.Is(err, ledger.ErrAmbiguous):
		say(http.StatusConflict, "%s", text)
	default:
		say(http.StatusServiceUnavailable, "the store does not answer: %s", text)
	}
}
