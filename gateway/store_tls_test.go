package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nyota/sessions/storetest"
)

// secured is a Valkey that is reached over TLS with a certificate, with the shipped
// settings and the shipped rights of its users; password is that of the user nyota.
func secured(t *testing.T, files *storetest.TLS, args ...string) (server *storetest.Server, password string) {
	t.Helper()
	dir := deployed(t)
	for _, v := range deployedEnv(t, dir) {
		if rest, ok := strings.CutPrefix(v, "NYOTA_STORE_PASSWORD="); ok {
			password = rest
		}
	}
	return files.NewServer(t, append([]string{"--include", filepath.Join(dir, "valkey", "valkey.conf"),
		"--aclfile", filepath.Join(dir, "secrets", "users.acl"), "--min-replicas-to-write", "0"}, args...)...), password
}

// storeSection is store: of config.yaml for a secured Valkey.
func storeSection(addr string, files *storetest.TLS, more string) string {
	return fmt.Sprintf("{kind: valkey, addresses: [%q], tls: true, tls_ca: %q, tls_cert: %q, tls_key: %q, username: nyota, %s}",
		addr, files.CA, files.ClientCert, files.ClientKey, more)
}

func TestStoreOverTLSWithAUserOfItsOwnPaysAndTells(t *testing.T) {
	files := storetest.MakeTLS(t)
	valkey, password := secured(t, files)
	c := newTown(t, storeSection(valkey.TLSAddr, files, "password: "+password))
	c.start()
	h := c.handset(payer)
	if err := h.dial("*150*00#"); err != nil {
		t.Fatal(err)
	}
	press := keys(payee, "5000")
	for range press {
		shown := shows(t, h)
		text, ok := press[shown.ScreenID]
		if !ok {
			break
		}
		if err := h.press(text); err != nil {
			t.Fatal(err)
		}
	}
	shows(t, h, "confirmed", "5,000")
	inbox(t, h, 1)
	inbox(t, c.handset(payee), 1)
	if all := effects(t, c.core); len(all) != 1 || all[0].Times != 1 {
		t.Errorf("effects %+v", all)
	}
}

func TestStoreThatLetsNobodyInIsSaidWithTheKeysToLookAtAndWithoutThePassword(t *testing.T) {
	files, others := storetest.MakeTLS(t), storetest.MakeTLS(t)
	valkey, password := secured(t, files)
	c := newTown(t, "@STORE@")
	template, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	good := storeSection(valkey.TLSAddr, files, "timeout: 1s, password: "+password)
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	none, missing := filepath.Join(t.TempDir(), "none.pem"), filepath.Join(t.TempDir(), "missing.pem")
	if err := os.WriteFile(none, []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A server that is away may come, and one that says nothing may be busy.
	waited := map[string]bool{"TLS to the port that has none": true, "nobody there": true}
	for _, tt := range []struct {
		name, store string
		keys        []string // that are named
		not         string   // that is not
	}{
		{"another authority", with(files.CA, others.CA), []string{"store.tls_ca"}, "password"},
		{"the system's authorities", with(fmt.Sprintf("tls_ca: %q, ", files.CA), ""), []string{"store.tls_ca"}, "password"},
		{"an authority's file that is missing", with(files.CA, missing), []string{"store.tls_ca", "missing.pem"}, "tls_cert"},
		{"an authority's file without one", with(files.CA, none), []string{"store.tls_ca"}, "tls_cert"},
		{"no certificate where one is asked for", with(fmt.Sprintf("tls_cert: %q, tls_key: %q, ", files.ClientCert, files.ClientKey), ""),
			[]string{"store.tls_cert", "store.tls_key"}, "tls_ca"},
		{"another authority's certificate", with(fmt.Sprintf("%q, tls_key: %q", files.ClientCert, files.ClientKey),
			fmt.Sprintf("%q, tls_key: %q", others.ClientCert, others.ClientKey)), []string{"store.tls_cert"}, "tls_ca"},
		{"a key of another certificate", with(files.ClientKey, files.ServerKey), []string{"store.tls_cert", "store.tls_key"}, "tls_ca"},
		{"another password", with(password, password+"x"), []string{"store.password", "WRONGPASS"}, "tls"},
		{"another user", with("nyota", "nyoka"), []string{"store.username", "WRONGPASS"}, "tls"},
		{"a user without a password", with(", password: "+password, ""), []string{"store.password"}, "tls"},
		{"a user who may not commit", with("username: nyota", "username: probe"), []string{`the user "probe" may not run`}, "tls"},
		{"without TLS", strings.Replace(with("tls: true, ", ""), fmt.Sprintf("tls_ca: %q, tls_cert: %q, tls_key: %q, ", files.CA, files.ClientCert, files.ClientKey), "", 1),
			[]string{"store.tls,"}, "password"},
		{"TLS to the port that has none", with(valkey.TLSAddr, valkey.Addr), []string{"store.tls,"}, "password"},
		{"nobody there", with(valkey.TLSAddr, freePort(t)), []string{"store.addresses", "refused"}, "password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(c.config, []byte(strings.Replace(string(template), "@STORE@", tt.store, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, nil, binary(t), "serve", "--config", c.config)
			said, status := "gateway: ", 1
			if waited[tt.name] {
				said, status = "the store is waited for", 0
			}
			line := p.line(said)
			if waited[tt.name] {
				_ = p.cmd.Process.Signal(syscall.SIGTERM)
			}
			<-p.ended
			if p.cmd.ProcessState.ExitCode() != status {
				t.Errorf("exit status %d", p.cmd.ProcessState.ExitCode())
			}
			for _, key := range tt.keys {
				if !strings.Contains(line, key) {
					t.Errorf("%q does not name %s", line, key)
				}
			}
			_, hint, _ := strings.Cut(line, "(look at ")
			if strings.Contains(hint, tt.not) {
				t.Errorf("%q leads to %s", line, tt.not)
			}
			if strings.Contains(strings.Join(p.tail, "\n"), password) {
				t.Error("M6: the password is shown")
			}
		})
	}
}
