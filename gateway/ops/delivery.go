package ops

import (
	"net/http"
	"strings"
	"time"
)

// Delivery is what a final receipt says of an SMS about an action.
type Delivery struct {
	At      time.Time
	Network string
	Link    string
	Notice  string // action/role/outcome
	To      string
	State   string
	Code    string
}

// deliveryLine is a Delivery as records and help desks read it.
type deliveryLine struct {
	Type    string    `json:"type"` // delivery
	At      time.Time `json:"at"`
	Network string    `json:"network"`
	Link    string    `json:"link"`
	MSISDN  string    `json:"msisdn"` // of the recipient
	Action  string    `json:"action"`
	Role    string    `json:"role"`
	State   string    `json:"state"`
	Code    string    `json:"code,omitempty"`
}

func deliveryOf(d Delivery) deliveryLine {
	action, rest, _ := strings.Cut(d.Notice, "/")
	role, _, _ := strings.Cut(rest, "/")
	return deliveryLine{Type: "delivery", At: d.At, Network: d.Network, Link: d.Link, MSISDN: d.To,
		Action: action, Role: role, State: d.State, Code: d.Code}
}

// Delivery records what became of an SMS behind the SMSC.
func (c *CDR) Delivery(d Delivery) { c.put(deliveryOf(d)) }

// Undelivered answers GET /undelivered with the latest SMS about actions that did
// not reach their phones, the newest first.
func Undelivered(latest func() []Delivery) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		lines := []deliveryLine{}
		for _, d := range latest() {
			lines = append(lines, deliveryOf(d))
		}
		answer(w, lines, nil)
	})
}
