package main

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"nyota/gateway/config"
)

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
	for _, name := range []string{"nyota", "nyota-http"} {
		all["Service/"+name].each(func(p object) {
			if ports[p.text("targetPort")] != p.number("port") {
				t.Errorf("service %s: port %v", name, p)
			}
		}, "spec", "ports")
	}
	outside := all["Service/nyota-callbacks"]
	if u, err := url.Parse(cfg.Callbacks.URL); err != nil || u.Scheme != "https" || u.Port() != "" || !strings.HasSuffix(u.Hostname(), ".example") {
		t.Errorf("callbacks.url is no URL on port 443 to be filled in: %s", cfg.Callbacks.URL)
	}
	if outside.text("spec", "type") != "LoadBalancer" || outside.number("spec", "ports", 0, "port") != 443 || outside.text("spec", "ports", 0, "targetPort") != "callbacks" {
		t.Errorf("the core cannot reach the callbacks' listener: %v", outside)
	}
	if core := all["NetworkPolicy/nyota-callbacks"].at("spec", "ingress", 0, "from", 0, "ipBlock", "cidr"); outside.text("spec", "externalTrafficPolicy") != "Local" || outside.at("spec", "loadBalancerSourceRanges", 0) != core {
		t.Errorf("the policy lets %v through, which is not who comes", core)
	}
	if outside.at("spec", "publishNotReadyAddresses") != nil {
		t.Error("callbacks go to a pod that ends")
	}
	if len(cfg.Admin.Tokens) != 2 {
		t.Errorf("%d people can decide", len(cfg.Admin.Tokens))
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
	goLimit := ""
	gw.each(func(e object) {
		if e.text("name") == "GOMEMLIMIT" {
			goLimit = e.text("value")
		}
	}, "c", "env")
	inStep(t, "the container", goLimit, gw.text("c", "resources", "limits", "memory"))
	mounted := map[string]string{}
	gw.each(func(m object) { mounted[m.text("name")] = m.text("mountPath") }, "c", "volumeMounts")
	for what, file := range map[string]string{"the key": cfg.KeyFile(), "records": cfg.CDR.Dir} {
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
		if b := all["PodDisruptionBudget/"+name]; b.number("spec", "maxUnavailable") != 1 || b.text("spec", "unhealthyPodEvictionPolicy") != "AlwaysAllow" {
			t.Errorf("%s has no disruption budget, or one that keeps a node for a pod that serves nobody", name)
		}
	}
}

// TestDeployKustomizationIsWhole is what a build would find out, for machines without
// one: Debian's kubectl is too old for it.
func TestDeployKustomizationIsWhole(t *testing.T) {
	dir := deployed(t)
	k := kustomized(t, dir)
	generated := map[string][]string{} // the keys of each secret
	for _, g := range k.SecretGenerator {
		for _, file := range append(slices.Clone(g.Files), g.Envs...) {
			key, from, ok := strings.Cut(file, "=")
			if !ok {
				key, from = path.Base(file), file
			}
			if _, err := os.Stat(filepath.Join(dir, from)); err != nil {
				t.Errorf("secret %s: %v", g.Name, err)
			}
			generated[g.Name] = append(generated[g.Name], key)
		}
	}
	used := map[string]bool{}
	uses := func(who, secret string, keys ...string) {
		used[secret] = true
		for _, key := range keys {
			if !slices.Contains(generated[secret], key) {
				t.Errorf("%s wants %s of the secret %s, which has %v", who, key, secret, generated[secret])
			}
		}
	}
	all := manifests(t, dir)
	monitor := objects(t, filepath.Join(dir, "prometheus", "podmonitor.yaml"))[0]
	if monitor.text("metadata", "namespace") != k.Namespace || all["Namespace/"+k.Namespace] == nil {
		t.Errorf("the namespace %s is not made, or not everywhere the same", k.Namespace)
	}
	images := map[string]string{}
	for _, image := range k.Images {
		images[image.Name] = image.NewTag
	}
	for name, o := range all {
		pod := object{"spec": o.at("spec", "template", "spec")}
		pod.each(func(c object) {
			if tag, set := images[c.text("image")]; !set && !strings.Contains(c.text("image"), ":") || tag == "latest" {
				t.Errorf("%s: the image %s has no version", name, c.text("image"))
			}
			delete(images, c.text("image"))
			c.each(func(e object) { uses(name, e.text("secretRef", "name")) }, "envFrom")
		}, "spec", "containers")
		pod.each(func(v object) { uses(name, v.text("secret", "secretName")) }, "spec", "volumes")
	}
	uses("the gateway", "nyota-config", "config.yaml")
	uses("the gateway", "nyota-key", "secret.key")
	uses("the gateway", "nyota-env", "gateway.env", "operators.env")
	uses("Valkey", "nyota-valkey", "valkey.conf", "users.acl", "replication.conf")
	end := object{"spec": monitor.at("spec", "podMetricsEndpoints", 0)}
	uses("Prometheus", end.text("spec", "authorization", "credentials", "name"), end.text("spec", "authorization", "credentials", "key"))
	if set := all["StatefulSet/nyota"]; end.text("spec", "port") != "admin" || monitor.at("spec", "selector", "matchLabels", "app.kubernetes.io/name") != set.at("spec", "selector", "matchLabels", "app.kubernetes.io/name") ||
		monitor.text("spec", "jobLabel") != "app.kubernetes.io/name" {
		t.Errorf("Prometheus does not find the gateways: %v", monitor)
	}
	for name := range generated {
		if !used[name] {
			t.Errorf("nobody uses the secret %s", name)
		}
		delete(used, name)
	}
	if len(used) > 0 || len(images) > 0 {
		t.Errorf("secrets %v are not made, images %v not used", used, images)
	}
}

func TestDeployKustomizationBuilds(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is missing: the test above is all that is judged")
	}
	if out, err := exec.Command(kubectl, "kustomize", deployed(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

func TestDeployPeopleHaveTokensOfTheirOwn(t *testing.T) {
	dir := deployed(t)
	before := deployedEnv(t, dir)
	for _, bad := range []string{"", "a/b", "--old-key", "a,b"} {
		if out, err := makeSecrets(dir, bad); err == nil {
			t.Errorf("%q is taken for a name: %s", bad, out)
		}
	}
	run := func(people ...string) {
		t.Helper()
		if out, err := makeSecrets(dir, people...); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	run("chipo")
	if err := os.Remove(filepath.Join(dir, "secrets", "operators", "amina.token")); err != nil {
		t.Fatal(err)
	}
	run()
	cfg, err := config.Load(filepath.Join(dir, "config.yaml"), deployedEnv(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if names := cfg.Admin.Tokens; len(names) != 2 || names[0].Name != "baraka" || names[1].Name != "chipo" {
		t.Error("one left and one came, and others decide")
	}
	old, err := config.Load(filepath.Join(dir, "config.yaml"), before)
	if err != nil || old.Admin.Tokens[1] != cfg.Admin.Tokens[0] || old.Admin.Token != cfg.Admin.Token {
		t.Errorf("who stayed has another token: %v", err)
	}
	for file, want := range map[string]string{"operators/chipo.token": cfg.Admin.Tokens[1].Token, "admin.token": cfg.Admin.Token} {
		if b, err := os.ReadFile(filepath.Join(dir, "secrets", file)); err != nil || string(b) != want {
			t.Errorf("%s is not what the gateways know: %v", file, err)
		}
	}
}

func TestDeployManifestWithAMisspelledFieldIsNotTaken(t *testing.T) {
	for kind, empty := range shippedKinds {
		o := empty()
		err := yaml.UnmarshalWithOptions([]byte("spec: {replica: 3}\n"), o, yaml.Strict())
		if _, bare := o.(*namespaceKind); err == nil && !bare {
			t.Errorf("%s takes a field that there is not", kind)
		}
	}
}
