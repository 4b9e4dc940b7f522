package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthSaysHowTheRunningGatewayIs(t *testing.T) {
	h := http.NewServeMux()
	h.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	h.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no link", http.StatusServiceUnavailable) })
	srv := httptest.NewServer(h)
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	_, port, _ := strings.Cut(addr, ":")
	for _, tt := range []struct {
		name, listen string
		flags        []string
		says         string
		fails        bool
	}{
		{"it runs", addr, nil, "ok", false},
		{"on all addresses", "0.0.0.0:" + port, nil, "ok", false},
		{"not ready", addr, []string{"--ready"}, "no link", true},
		{"nobody there", "127.0.0.1:1", nil, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("NYOTA_HTTP_LISTEN", tt.listen)
			out, err := gatewayCommand(t, append([]string{"health", "--config", "../config.yaml"}, tt.flags...)...)
			if strings.TrimSpace(out) != tt.says || (err != nil) != tt.fails {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}
