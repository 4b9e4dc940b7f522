package coresim

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// getBooks writes the core's statement as operators get it from real ones: a
// CSV with a line for each transaction that took effect, oldest first.
func (c *Core) getBooks(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	all := make([]transaction, 0, len(c.bank.byRef))
	for _, t := range c.bank.byRef {
		all = append(all, *t)
	}
	c.mu.Unlock()
	slices.SortFunc(all, func(a, b transaction) int { return a.at.Compare(b.at) })
	w.Header().Set("Content-Type", "text/csv")
	out := csv.NewWriter(w)
	_ = out.Write([]string{"correlation_id", "reference", "type", "amount", "fee", "status", "completed_at"})
	for _, t := range all {
		_ = out.Write([]string{t.correlation, t.ref, t.purpose, strconv.FormatInt(t.amount, 10), strconv.FormatInt(t.fee, 10),
			"completed", t.at.UTC().Format(time.RFC3339)})
	}
	out.Flush()
}
