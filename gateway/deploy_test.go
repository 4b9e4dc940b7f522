package main

import (
	"bufio"
	"context"
	"errors"
	"io"
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

	"github.com/goccy/go-yaml"

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
	for range 2 { // a second time it changes nothing
		if out, err := exec.Command("sh", filepath.Join(dir, "make-secrets")).CombinedOutput(); err != nil {
			t.Fatalf("make-secrets: %v %s", err, out)
		}
	}
	return dir
}

// deployedEnv is what secrets/gateway.env sets.
func deployedEnv(t *testing.T, dir string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "secrets", "gateway.env"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// object is a Kubernetes manifest, as far as it is looked into.
type object map[string]any

// at follows keys and indices, and returns nil where there is nothing.
func (o object) at(keys ...any) any {
	var v any = map[string]any(o)
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func (o object) text(keys ...any) string { s, _ := o.at(keys...).(string); return s }

// number is a number, or -1.
func (o object) number(keys ...any) int {
	switch n := o.at(keys...).(type) {
	case uint64:
		return int(n)
	case int64:
		return int(n)
	case int:
		return n
	}
	return -1
}

// each calls f with every object under the keys.
func (o object) each(f func(object), keys ...any) {
	l, _ := o.at(keys...).([]any)
	for _, v := range l {
		if m, ok := v.(map[string]any); ok {
			f(m)
		}
	}
}

// manifests are the objects of the files that the kustomization names, by kind
// and name.
func manifests(t *testing.T, dir string) map[string]object {
	t.Helper()
	var k struct {
		Resources []string `yaml:"resources"`
	}
	readYAML(t, filepath.Join(dir, "kustomization.yaml"), func(d *yaml.Decoder) error { return d.Decode(&k) })
	all := map[string]object{}
	for _, file := range k.Resources {
		readYAML(t, filepath.Join(dir, file), func(d *yaml.Decoder) error {
			for {
				var o object
				if err := d.Decode(&o); err != nil {
					if errors.Is(err, io.EOF) {
						return nil
					}
					return err
				}
				name := o.text("kind") + "/" + o.text("metadata", "name")
				if o.text("apiVersion") == "" || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || all[name] != nil {
					t.Errorf("%s: an object without a name of its own: %s", file, name)
				}
				all[name] = o
			}
		})
	}
	return all
}

func readYAML(t *testing.T, file string, decode func(*yaml.Decoder) error) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := decode(yaml.NewDecoder(bufio.NewReader(f))); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
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

func TestDeployKubernetesManifestsFitTheConfiguration(t *testing.T) {
	dir := deployed(t)
	cfg, err := config.Load(filepath.Join(dir, "config.yaml"), append(deployedEnv(t, dir), "NYOTA_NODE_NAME=nyota-0"))
	if err != nil {
		t.Fatal(err)
	}
	port := func(addr string) int {
		_, p, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(p)
		return n
	}
	ports := map[string]int{"http": port(cfg.HTTP.Listen), "admin": port(cfg.Admin.Listen), "callbacks": port(cfg.Callbacks.Listen)}
	all := manifests(t, dir)
	set := all["StatefulSet/nyota"]
	pod := object{"spec": set.at("spec", "template", "spec")}
	gw := object{"c": pod.at("spec", "containers", 0)}

	named := map[string]int{}
	gw.each(func(p object) { named[p.text("name")] = p.number("containerPort") }, "c", "ports")
	for name, n := range ports {
		if named[name] != n {
			t.Errorf("port %s is %d in the manifest and %d in the configuration", name, named[name], n)
		}
		if p := all["NetworkPolicy/nyota-"+name]; p.number("spec", "ingress", 0, "ports", 0, "port") != n || p.at("spec", "ingress", 0, "ports", 1) != nil {
			t.Errorf("the network policy of %s is not about port %d alone", name, n)
		}
	}
	for _, name := range []string{"nyota", "nyota-http", "nyota-callbacks"} {
		all["Service/"+name].each(func(p object) {
			if ports[p.text("targetPort")] != p.number("port") {
				t.Errorf("service %s: port %v", name, p)
			}
		}, "spec", "ports")
	}
	if u := cfg.Callbacks.URL; !strings.HasPrefix(u, "http://nyota-callbacks:"+strconv.Itoa(ports["callbacks"])) {
		t.Errorf("the core is told to call %s", u)
	}
	for probe, at := range map[string]string{"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"} {
		if gw.text("c", probe, "httpGet", "path") != at || named[gw.text("c", probe, "httpGet", "port")] != ports["http"] {
			t.Errorf("%s: %v", probe, gw.at("c", probe))
		}
	}
	var args []string
	list, _ := gw.at("c", "args").([]any)
	for _, a := range list {
		args = append(args, a.(string))
	}
	wholeCommand(t, "the container", args)
	if pod.at("spec", "enableServiceLinks") != false {
		t.Error("variables of services would be taken for keys of the configuration")
	}
	grace := time.Duration(pod.number("spec", "terminationGracePeriodSeconds")) * time.Second
	if pre := time.Duration(gw.number("c", "lifecycle", "preStop", "sleep", "seconds")) * time.Second; grace < pre+cfg.Stop.Within+5*time.Second {
		t.Errorf("%v are too short for preStop (%v) and an orderly stop (%v)", grace, pre, cfg.Stop.Within)
	}
	mounted := map[string]string{}
	gw.each(func(m object) { mounted[m.text("name")] = m.text("mountPath") }, "c", "volumeMounts")
	for what, file := range map[string]string{"the key": cfg.Secret.KeyFile, "records": cfg.CDR.Dir} {
		if !slices.ContainsFunc([]string{"key", "data"}, func(v string) bool { return strings.HasPrefix(file, mounted[v]+"/") }) {
			t.Errorf("%s is at %s, which is on no volume", what, file)
		}
	}
	for _, link := range cfg.SMPP.Links {
		found := false
		all["NetworkPolicy/nyota-out"].each(func(e object) {
			e.each(func(p object) { found = found || p.number("port") == port(link.Address) }, "ports")
		}, "spec", "egress")
		if !found {
			t.Errorf("link %s may not reach port %d", link.Name, port(link.Address))
		}
	}
	valkey := all["StatefulSet/nyota-valkey"]
	if n := valkey.number("spec", "replicas"); cfg.Store.Replicas != n-2 {
		t.Errorf("store.replicas is %d of %d replicas: one must be able to be away", cfg.Store.Replicas, n-1)
	}
	host, _, _ := net.SplitHostPort(cfg.Store.Addresses[0])
	if host != "nyota-valkey-0."+valkey.text("spec", "serviceName") {
		t.Errorf("the store is at %s", host)
	}
	for _, name := range []string{"nyota", "nyota-valkey"} {
		if all["PodDisruptionBudget/"+name].number("spec", "maxUnavailable") != 1 {
			t.Errorf("%s has no disruption budget", name)
		}
	}
}

func TestDeployKustomizationBuilds(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is missing") // the manifests are read without it in the test above
	}
	out, err := exec.Command(kubectl, "kustomize", deployed(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, generated := range []string{"nyota-config-", "nyota-key-", "nyota-env-", "nyota-valkey-"} {
		if strings.Count(string(out), generated) < 2 {
			t.Errorf("nobody uses the secret %s", generated)
		}
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
