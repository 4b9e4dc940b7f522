package ops

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Token is a bearer token of the admin API, and the name of who holds it.
type Token struct{ Name, Token string }

// Nobody is the name of a caller where no token is configured: on loopback
// everybody is trusted, and nobody is known.
const Nobody = "nobody"

type whoKey struct{}

// Who names the caller that Guard let through: a token's name, or Nobody.
func Who(ctx context.Context) string {
	if name, ok := ctx.Value(whoKey{}).(string); ok {
		return name
	}
	return Nobody
}

// Guard lets only requests with one of the bearer tokens through, and tells next
// who came (see Who). A token that is empty does not count; without any, all
// requests pass.
func Guard(tokens []Token, next http.Handler) http.Handler {
	type known struct {
		name string
		sum  [sha256.Size]byte
	}
	var all []known
	for _, t := range tokens {
		if t.Token != "" {
			all = append(all, known{t.Name, sha256.Sum256([]byte(t.Token))})
		}
	}
	if len(all) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(given))
		name := ""
		for _, t := range all { // all of them, always: the time tells nothing
			if subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1 {
				name = t.name
			}
		}
		if !ok || name == "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "an admin token is needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), whoKey{}, name)))
	})
}
