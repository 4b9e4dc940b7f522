package ops

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEveryAdminActionIsLoggedWithWhoDidIt(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelError}))
	h := Audit(log, Guard([]Token{{"amina", "sesame"}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Did(r.Context(), "notice", "7")
		w.WriteHeader(http.StatusConflict)
	})))
	for _, tc := range []struct {
		method, path, token string
		want                []string // nil: no line
	}{
		{http.MethodPost, "/menus/promote?percent=5", "sesame", []string{"who=amina", `did="POST /menus/promote"`, "status=409", `with="percent=5"`, "notice=7", "from=192.0.2.1"}},
		{http.MethodDelete, "/notices/3", "wrong", []string{"who=refused", `did="DELETE /notices/3"`, "status=401"}},
		{http.MethodGet, "/actions/255712345678", "sesame", []string{"who=amina", `did="GET /actions/255...78"`}},
		{http.MethodGet, "/menus", "sesame", nil},
		{http.MethodGet, "/metrics", "sesame", nil},
	} {
		b.Reset()
		r := httptest.NewRequest(tc.method, tc.path, nil)
		r.Header.Set("Authorization", "Bearer "+tc.token)
		h.ServeHTTP(httptest.NewRecorder(), r)
		for _, want := range tc.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s %s: no %s in %s", tc.method, tc.path, want, &b)
			}
		}
		if tc.want == nil && b.Len() != 0 || strings.Contains(b.String(), "712345") || strings.Contains(b.String(), tc.token) {
			t.Errorf("%s %s: %s", tc.method, tc.path, &b)
		}
	}
}

func TestWhoIsNoPersonIsNoneHoweverItIsWritten(t *testing.T) {
	for who, person := range map[string]bool{"amina": true, "admin": false, "Admin": false, " ADMIN": false, "nobody": false, "Nobody": false} {
		if named(who) != person {
			t.Errorf("%q decides what needs a person: %v", who, !person)
		}
	}
}
