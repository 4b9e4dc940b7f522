package ops

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Check is one thing that the gateway needs to serve. Its error says what is
// wrong and is shown to operators.
type Check struct {
	Name string
	Test func(ctx context.Context) error
}

// checkWithin bounds all checks of one request together.
const checkWithin = 2 * time.Second

// Healthz answers 200 while the process runs.
func Healthz(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("ok\n"))
}

// Readyz answers 200 when every check passes, else 503; either way with a line
// per check that says why.
func Readyz(checks []Check) http.HandlerFunc {
	type result struct {
		Name  string `json:"name"`
		OK    bool   `json:"ok"`
		Error string `json:"error,omitempty"`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkWithin)
		defer cancel()
		body := struct {
			Ready  bool     `json:"ready"`
			Checks []result `json:"checks"`
		}{Ready: true}
		for _, c := range checks {
			one := result{Name: c.Name, OK: true}
			if err := c.Test(ctx); err != nil {
				one.OK, one.Error, body.Ready = false, err.Error(), false
			}
			body.Checks = append(body.Checks, one)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !body.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		_ = enc.Encode(body)
	}
}
