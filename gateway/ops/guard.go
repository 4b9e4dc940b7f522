package ops

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"net/http"
	"strings"
)

// Token is a bearer token of the admin API, and the name of who holds it.
type Token struct{ Name, Token string }

// Nobody is the name of a caller where no token is configured: on loopback
// everybody is trusted, and nobody is known.
const Nobody = "nobody"

type whoKey struct{}

// Who names the caller that Guard let through: a token's name, that of a client
// certificate, or Nobody.
func Who(ctx context.Context) string {
	if name, ok := ctx.Value(whoKey{}).(string); ok {
		return name
	}
	return Nobody
}

// Guard lets only requests with one of the bearer tokens through, or with a client
// certificate that the server has verified, and tells next who came (see Who). A
// token that is empty does not count; without any, all requests pass.
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
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := certified(r.TLS); name != "" {
			admit(r.Context(), name)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), whoKey{}, name)))
			return
		}
		if len(all) == 0 {
			admit(r.Context(), Nobody)
			next.ServeHTTP(w, r)
			return
		}
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
		admit(r.Context(), name)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), whoKey{}, name)))
	})
}

// certified is the name in a client certificate that was verified: its common
// name, or its serial number if that cannot stand in a log. "" if there is none.
func certified(state *tls.ConnectionState) string {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return ""
	}
	cert := state.PeerCertificates[0]
	name := cert.Subject.CommonName
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "certificate " + cert.SerialNumber.Text(16)
	}
	return name
}
