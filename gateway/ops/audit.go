package ops

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// Audit logs who did what through the admin API: every request that may change
// something, or that reads of one customer, with its answer's status. Numbers of
// customers are shortened. A handler adds to its line with Did.
//
// The line is logged whatever the log's level is. Audit stands before Guard: whoever
// was not let through is logged as "refused".
func Audit(log *slog.Logger, next http.Handler) http.Handler {
	log = slog.New(always{log.Handler()})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		if read && !strings.HasPrefix(r.URL.Path, "/actions/") {
			next.ServeHTTP(w, r)
			return
		}
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		line := &auditLine{who: "refused"}
		sw := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(sw, r.WithContext(context.WithValue(r.Context(), auditKey{}, line)))
		args := []any{"who", line.who, "did", r.Method + " " + shorten(r.URL.Path), "status", sw.code(), "from", from}
		if q := r.URL.Query(); len(q) > 0 {
			args = append(args, "with", shorten(q.Encode()))
		}
		log.Info("audit", append(args, line.args...)...)
	})
}

type auditKey struct{}

type auditLine struct {
	who  string
	args []any
}

// Did adds to the audit line of the request that a handler answers: never a text
// for customers, a secret or a whole number.
func Did(ctx context.Context, args ...any) {
	if l, ok := ctx.Value(auditKey{}).(*auditLine); ok {
		l.args = append(l.args, args...)
	}
}

// admit tells the audit line who was let through.
func admit(ctx context.Context, who string) {
	if l, ok := ctx.Value(auditKey{}).(*auditLine); ok {
		l.who = who
	}
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// Unwrap is for http.ResponseController: streams flush through it.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// shorten keeps the ends of what may be a phone number, eight digits or more.
func shorten(s string) string {
	var b strings.Builder
	for s != "" {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		switch {
		case n >= 8:
			b.WriteString(s[:3] + "..." + s[n-2:n])
		case n == 0:
			n = 1
			fallthrough
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// always logs at every level.
type always struct{ slog.Handler }

func (always) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs is as slog.Handler's.
func (a always) WithAttrs(attrs []slog.Attr) slog.Handler { return always{a.Handler.WithAttrs(attrs)} }

// WithGroup is as slog.Handler's.
func (a always) WithGroup(name string) slog.Handler { return always{a.Handler.WithGroup(name)} }
