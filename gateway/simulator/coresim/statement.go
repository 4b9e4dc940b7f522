package coresim

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Transaction is a movement of money that took effect.
type Transaction struct {
	CorrelationID string
	Reference     string
	Original      string // of a reversal: the reference of what it takes back
	Type          string
	Amount, Fee   int64
	At            time.Time
}

// Transactions returns what took effect, oldest first.
func (c *Core) Transactions() []Transaction {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Transaction, 0, len(c.bank.byRef))
	for _, t := range c.bank.byRef {
		all = append(all, Transaction{CorrelationID: t.correlation, Reference: t.ref, Original: t.original, Type: t.purpose, Amount: t.amount, Fee: t.fee, At: t.at})
	}
	slices.SortFunc(all, func(a, b Transaction) int { return a.At.Compare(b.At) })
	return all
}

// getBooks writes the core's statement as operators get it from real ones: a
// CSV with a line for each transaction that took effect, oldest first.
func (c *Core) getBooks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/csv")
	out := csv.NewWriter(w)
	_ = out.Write([]string{"correlation_id", "reference", "type", "amount", "fee", "status", "completed_at"})
	for _, t := range c.Transactions() {
		_ = out.Write([]string{t.CorrelationID, t.Reference, t.Type, strconv.FormatInt(t.Amount, 10), strconv.FormatInt(t.Fee, 10),
			"completed", t.At.UTC().Format(time.RFC3339)})
	}
	out.Flush()
}
