package phone

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxRequest bounds the body of what a page asks for.
const maxRequest = 16 << 10

// local lets only this machine's own pages and programs through: what is behind it
// changes dialogues or files. It looks at the connection, at the name that the
// browser thinks it talks to (a name that was pointed here from elsewhere is not
// ours), and at where the page comes from.
func local(next http.Handler) http.Handler {
	same := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r) {
			refuse(w, http.StatusForbidden, "Only this machine may do that: open the page at its loopback address.")
			return
		}
		if err := same.Check(r); err != nil {
			refuse(w, http.StatusForbidden, "Another site's page may not do that.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLocal says whether a request comes from this machine, under a name of it.
func isLocal(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, via := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if r.Header.Get(via) != "" { // a proxy on this machine speaks for another
			return false
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// read takes a JSON body into in; it has answered if it says no.
func read(w http.ResponseWriter, r *http.Request, in any) bool {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "The body is to be application/json.")
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "That is too long.")
		return false
	}
	if err := json.Unmarshal(body, in); err != nil {
		refuse(w, http.StatusBadRequest, "That was not understood.")
		return false
	}
	return true
}

// answer writes v as JSON, for this page alone.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// refuse says why not, in words for people.
func refuse(w http.ResponseWriter, code int, why string) {
	answer(w, code, map[string]string{"error": why})
}
