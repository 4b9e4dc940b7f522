package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nyota/gateway/config"
)

const unitFile = "deploy/systemd/nyota.service"

// unit is what the unit sets, by key, and the commands in its head.
func unit(t *testing.T) (set map[string][]string, head []string) {
	t.Helper()
	b, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	set = map[string][]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if command, ok := strings.CutPrefix(line, "#   "); ok {
			head = append(head, command)
		} else if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			set[key] = append(set[key], value)
		}
	}
	return set, head
}

// sizeOf reads a size as systemd, Kubernetes and Go write it: 2G, 2Gi, 1600MiB.
func sizeOf(t *testing.T, size string) int64 {
	t.Helper()
	m := regexp.MustCompile(`^(\d+)([KMG])(iB?)?$`).FindStringSubmatch(size)
	if m == nil {
		t.Fatalf("%q is no size", size)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << map[string]int{"K": 10, "M": 20, "G": 30}[m[2]]
}

// inStep checks that Go collects before the kernel kills, and not long before.
func inStep(t *testing.T, where, goLimit, most string) {
	t.Helper()
	if l, m := sizeOf(t, goLimit), sizeOf(t, most); l > m*8/10 || l < m*7/10 {
		t.Errorf("%s: GOMEMLIMIT %s is not 70 to 80 %% of %s", where, goLimit, most)
	}
}

func TestDeployUnitStartsWhatThereIs(t *testing.T) {
	set, _ := unit(t)
	one := func(key string) string {
		if len(set[key]) != 1 {
			t.Fatalf("%s is set %d times", key, len(set[key]))
		}
		return set[key][0]
	}
	wholeCommand(t, "ExecStart", strings.Fields(one("ExecStart"))[1:])
	if slices.ContainsFunc(set["Environment"], func(v string) bool { return strings.HasPrefix(v, "NYOTA_") }) {
		t.Errorf("a variable stands above config.yaml, also when a person changes that: %v", set["Environment"])
	}
	goLimit, ok := strings.CutPrefix(one("Environment"), "GOMEMLIMIT=")
	if !ok || one("ProcSubset") != "pid" {
		t.Error("without /proc/meminfo the gateway cannot find its bound by itself")
	}
	inStep(t, unitFile, goLimit, one("MemoryMax"))

	cfg, err := config.Load("deploy/systemd/config.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	stop, err := strconv.Atoi(one("TimeoutStopSec"))
	if within := time.Duration(stop) * time.Second; err != nil || within < cfg.Stop.Within+5*time.Second {
		t.Errorf("%v are too short for an orderly stop of %v: %v", within, cfg.Stop.Within, err)
	}
	for _, p := range []string{cfg.Store.Path, cfg.CDR.Dir} {
		if !strings.HasPrefix(p, "/var/lib/"+one("StateDirectory")+"/") { // nothing else is writable
			t.Errorf("%s cannot be written to", p)
		}
	}
	if cfg.Simulator.SMPP != "" || cfg.Simulator.Core != "" || cfg.Store.Kind != "embedded" {
		t.Errorf("a simulator, or no store, is in production: %+v %+v", cfg.Simulator, cfg.Store)
	}
}

func TestDeployUnitIsASandbox(t *testing.T) {
	analyze := need(t, "systemd-analyze")
	b, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "nyota.service") // with a program that is there
	text := strings.ReplaceAll(string(b), "/usr/local/bin/gateway", binary(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd does not understand it: %v %s", err, out)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", file).CombinedOutput(); err != nil {
		t.Errorf("the service is exposed: %v %s", err, out)
	}
}

// TestDeployUnitIsInstalledAsItsHeadSays runs the commands of the unit's head, in
// their order, with a folder as the root of the file system, and what they installed
// as the user that they made.
func TestDeployUnitIsInstalledAsItsHeadSays(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can install")
	}
	need(t, "systemd-sysusers")
	root := t.TempDir()
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the new user goes through it
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil { //nolint:gosec // as /etc is
		t.Fatal(err)
	}
	_, head := unit(t)
	n := slices.IndexFunc(head, func(c string) bool { return strings.HasPrefix(c, "systemctl") })
	if n < 5 {
		t.Fatalf("the head has %d commands", n)
	}
	known := `"$(awk -F: '$1 == "nyota" { print $3 }' ` + root + `/etc/group)"`
	script := strings.NewReplacer(
		" -o nyota ./", " -o "+root+"/nyota ./", "-D nyota", "-D "+root+"/nyota",
		"systemd-sysusers", "systemd-sysusers --root="+root,
		"-g nyota", "-g "+known, "-o nyota", "-o "+known, "--reuid=nyota", "--reuid="+known, "--regid=nyota", "--regid="+known,
		" /etc/", " "+root+"/etc/", " /usr/", " "+root+"/usr/", " /var/", " "+root+"/var/",
	).Replace(strings.Join(head[:n], "\n"))
	if outside := regexp.MustCompile(`(?m)(^|[\s=])/(etc|usr|var)/\S*`).FindString(script); outside != "" {
		t.Fatalf("%s is not below the test's root", outside)
	}
	sh := exec.Command("sh", "-euc", "umask 077\n"+script)
	sh.Dir = ".."
	sh.Env = append(os.Environ(), "PATH="+root+"/usr/local/bin:"+os.Getenv("PATH"))
	if out, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	var info syscall.Stat_t
	if err := syscall.Stat(filepath.Join(root, "var/lib/nyota/secret.key"), &info); err != nil || info.Uid == 0 || info.Mode&0o777 != 0o600 {
		t.Fatalf("the key is of user %d, mode %o: %v", info.Uid, info.Mode, err)
	}
	set, _ := unit(t)
	as := func(p *exec.Cmd) {
		p.Dir = set["WorkingDirectory"][0]
		p.SysProcAttr.Chroot, p.SysProcAttr.Credential = root, &syscall.Credential{Uid: info.Uid, Gid: info.Gid}
	}
	env := append([]string{"NYOTA_HTTP_LISTEN=" + freePort(t), "NYOTA_ADMIN_LISTEN=" + freePort(t)}, set["Environment"]...)
	command := strings.Fields(set["ExecStart"][0])
	startAs(t, as, env, command[0], command[1:]...).line("Nyota serves.")
}
