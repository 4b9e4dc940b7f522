package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nyota/gateway/config"
	"nyota/sessions"
	"nyota/sessions/storetest"
)

// deployed is a copy of the deploy folder in which make-secrets ran.
func deployed(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "deploy")
	skip := func(p string) bool { return p == "secrets" || strings.HasPrefix(p, "secrets/") }
	err := fs.WalkDir(os.DirFS("deploy"), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || skip(p) {
			return err
		}
		to := filepath.Join(dir, p)
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		b, err := os.ReadFile(filepath.Join("deploy", p))
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, people := range [][]string{{"amina", "baraka"}, nil} { // a second time it changes nothing
		if out, err := makeSecrets(dir, people...); err != nil {
			t.Fatalf("make-secrets: %v %s", err, out)
		}
	}
	return dir
}

// makeSecrets runs make-secrets in a copy of the deploy folder.
func makeSecrets(dir string, args ...string) (out []byte, err error) {
	return exec.Command("sh", append([]string{filepath.Join(dir, "make-secrets")}, args...)...).CombinedOutput()
}

// deployedEnv is what the secret of the gateways' environment sets.
func deployedEnv(t *testing.T, dir string) (environ []string) {
	t.Helper()
	for _, name := range []string{"gateway.env", "operators.env"} {
		b, err := os.ReadFile(filepath.Join(dir, "secrets", name))
		if err != nil {
			t.Fatal(err)
		}
		environ = append(environ, strings.Fields(string(b))...)
	}
	return environ
}

// wholeCommand checks that a command line is one that the gateway has.
func wholeCommand(t *testing.T, where string, args []string) {
	t.Helper()
	c, rest, err := command().Find(args)
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	if err != nil || !c.Runnable() {
		t.Errorf("%s: gateway %s: %v", where, strings.Join(args, " "), err)
	}
}

func TestDeployImageIsMadeOfWhatThereIs(t *testing.T) {
	b, err := os.ReadFile("deploy/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	user := ""
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "FROM":
			if strings.Contains(f[1], "/") || strings.Contains(f[1], ".") && !strings.HasPrefix(f[1], "golang:") {
				t.Errorf("%s names a registry", f[1])
			}
		case "COPY":
			if strings.HasPrefix(f[1], "--from") {
				continue
			}
			for _, source := range f[1 : len(f)-1] {
				if _, err := os.Stat(path.Join("..", source)); err != nil {
					t.Errorf("%s: %v", strings.TrimSpace(line), err)
				}
			}
		case "USER":
			user = f[1]
		case "CMD", "HEALTHCHECK":
			var args []string
			if _, list, ok := strings.Cut(line, "["); ok {
				for a := range strings.SplitSeq(strings.TrimRight(strings.TrimSpace(list), "]"), ",") {
					args = append(args, strings.Trim(strings.TrimSpace(a), `"`))
				}
			}
			if len(args) > 0 && args[0] == "/gateway" {
				args = args[1:]
			}
			wholeCommand(t, f[0], args)
		}
	}
	if user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
		t.Errorf("it runs as %q", user)
	}
}

// TestDeployValkeyKeepsThePromises runs the store's suite on servers with the
// shipped configuration and the shipped rights of the user nyota, over TLS with a
// certificate.
//
// If a command of the store is refused here ("no permissions"), add it to
// gateway/deploy/valkey/users.acl.
func TestDeployValkeyKeepsThePromises(t *testing.T) {
	dir := deployed(t)
	cfg, err := config.Load(filepath.Join(dir, "config.yaml"), deployedEnv(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	acl := filepath.Join(dir, "secrets", "users.acl")
	f, err := os.OpenFile(acl, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("user tester on nopass ~* +@all\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--include", filepath.Join(dir, "valkey", "valkey.conf"), "--include", filepath.Join(dir, "secrets", "replication.conf"), "--aclfile", acl}
	files := storetest.MakeTLS(t)
	primary := files.NewServer(t, args...)
	opts := sessions.ValkeyOptions{Addresses: []string{primary.TLSAddr}, TLS: files.Client(t), Username: cfg.Store.Username, Password: cfg.Store.Password}
	open := func(opts sessions.ValkeyOptions) (*sessions.Valkey, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return sessions.OpenValkey(ctx, opts)
	}
	if _, err := open(sessions.ValkeyOptions{Addresses: opts.Addresses, TLS: opts.TLS}); err == nil {
		t.Error("somebody without a name was let in")
	}
	t.Run("with a replica as configured", func(t *testing.T) {
		opts := opts
		opts.Replicas = cfg.Store.Replicas
		if _, err := open(opts); err == nil || !strings.Contains(err.Error(), "replicas are connected") {
			t.Errorf("without a replica: %v", err)
		}
		_, port, _ := net.SplitHostPort(primary.Addr)
		storetest.NewServer(t, append(slices.Clone(args), "--replicaof", "127.0.0.1 "+port)...)
		tries := 0 // one that fell short may be there all the same
		eventually(t, "an action is in two files", func() bool {
			tries++
			v, err := open(opts)
			if err != nil {
				return false
			}
			defer func() { _ = v.Close() }()
			return v.Put(t.Context(), &sessions.Action{ID: strconv.Itoa(tries), MSISDN: "255700000001", State: sessions.Sent, Created: time.Now()}) == nil
		})
	})
	// The suite restarts its server, which a replica would follow slowly.
	primary.Restart(t, append(args, "--min-replicas-to-write", "0")...)
	eventually(t, "it has read its file", func() bool {
		v, err := open(opts)
		return err == nil && v.Close() == nil
	})
	n := 0
	storetest.Run(t, func(t *testing.T) (sessions.Store, func() sessions.Store, *storetest.Clock) {
		clock := storetest.NewClock()
		n++
		opts := opts
		opts.Now, opts.Prefix = clock.Now, "t"+strconv.Itoa(n)+":"
		again := func() sessions.Store {
			v, err := open(opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = v.Close() })
			return v
		}
		s := again()
		return s, func() sessions.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return again()
		}, clock
	})
}

// A container's user is nobody, and Kubernetes mounts a secret as root's, lent to
// the pod's group.
func TestDeployGatewayRunsAsNobodyWithALentKey(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run it as somebody else")
	}
	const nobody = 65532
	dir, bin := deployed(t), binary(t)
	for _, d := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir), filepath.Dir(bin)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data, key := t.TempDir(), filepath.Join(t.TempDir(), "secret.key")
	b, err := os.ReadFile(filepath.Join(dir, "secrets", "secret.key"))
	if err == nil {
		err = os.WriteFile(key, b, 0o600)
	}
	if err := errors.Join(err, os.Chown(data, nobody, nobody), os.Chown(key, 0, nobody), os.Chmod(key, 0o440)); err != nil {
		t.Fatal(err)
	}
	env := []string{"NYOTA_HTTP_LISTEN=" + freePort(t), "NYOTA_ADMIN_LISTEN=", "NYOTA_CALLBACKS_LISTEN=", "NYOTA_CALLBACKS_URL=", "NYOTA_STORE_KIND=embedded",
		"NYOTA_STORE_PATH=" + data + "/store", "NYOTA_CDR_DIR=" + data + "/cdr", "NYOTA_SECRET_KEY_FILE=" + key}
	menus := t.TempDir()
	if err := os.CopyFS(menus, os.DirFS("../menus/catalog")); err != nil {
		t.Fatal(err)
	}
	env = append(env, "NYOTA_MENUS_DIR="+menus)
	config := filepath.Join(t.TempDir(), "config.yaml")
	if b, err = os.ReadFile(filepath.Join(dir, "config.yaml")); err == nil {
		err = os.WriteFile(config, b, 0o644) //nolint:gosec // as an image has it
	}
	if err != nil {
		t.Fatal(err)
	}
	as := func(p *exec.Cmd) {
		p.Dir = "/"
		p.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	gateway := startAs(t, as, env, bin, "serve", "--config", config)
	gateway.line("Nyota serves.")
	health := exec.Command(bin, "health", "--config", config)
	health.Env = append(os.Environ(), env...)
	if out, err := health.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("health: %v %s", err, out)
	}
	if err := os.Chmod(key, 0o444); err != nil {
		t.Fatal(err)
	}
	gateway.kill()
	startAs(t, as, env, bin, "serve", "--config", config).line("chmod 600")
}
