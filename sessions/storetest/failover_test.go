package storetest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

func open(t *testing.T, opts sessions.ValkeyOptions) *sessions.Valkey {
	t.Helper()
	v, err := sessions.OpenValkey(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// suite runs the store suite on servers that stay; reopen is another client.
func suite(t *testing.T, opts sessions.ValkeyOptions) {
	n := 0
	storetest.Run(t, func(t *testing.T) (sessions.Store, func() sessions.Store, *storetest.Clock) {
		clock := storetest.NewClock()
		n++
		opts := opts
		opts.Prefix, opts.Now = fmt.Sprint("t", n, ":"), clock.Now
		v := open(t, opts)
		return v, func() sessions.Store {
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, opts)
		}, clock
	})
}

// load is customers who step and act all the time, and what they were told.
type load struct {
	store sessions.Store
	stop  chan struct{}
	wg    sync.WaitGroup

	steps, actions, errors atomic.Int64

	mu    sync.Mutex
	acked map[string]string // msisdn by action
	wrong []string
}

func run(t *testing.T, store sessions.Store, customers int) *load {
	l := &load{store: store, stop: make(chan struct{}), acked: map[string]string{}}
	ctx := context.WithoutCancel(t.Context())
	for i := range customers {
		l.wg.Go(func() { l.customer(ctx, fmt.Sprint(255700000000+i*7919)) })
	}
	return l
}

func (l *load) say(format string, args ...any) {
	l.mu.Lock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	l.mu.Unlock()
}

// customer commits three plain steps and then one with an action, again and again.
// After an error the store's word counts: what was acknowledged with an action may
// not be lost, and what was not acknowledged happened once or not at all.
func (l *load) customer(ctx context.Context, msisdn string) {
	s := sessions.Session{Key: sessions.Key{Network: "demo", MSISDN: msisdn, ID: "1"}}
	var kept, done uint32 // steps acknowledged with an action, and at all
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		next := s
		next.Steps, next.Expires = s.Steps+1, time.Now().Add(time.Hour)
		var records []sessions.Record
		id := fmt.Sprintf("%s-%d", msisdn, n)
		if n%4 == 3 {
			records = append(records,
				&sessions.Action{ID: id, MSISDN: msisdn, State: sessions.Sent, Created: time.Now(), Due: time.Now().Add(time.Hour)},
				&sessions.Notice{ID: id, Owner: msisdn, State: sessions.NoticePending, Due: time.Now().Add(time.Hour)})
		}
		stored, err := l.store.Commit(ctx, next, records...)
		if err == nil {
			s, done = stored, stored.Steps
			l.steps.Add(1)
			if records != nil {
				kept = done
				l.actions.Add(1)
				l.mu.Lock()
				l.acked[id] = msisdn
				l.mu.Unlock()
			}
			continue
		}
		l.errors.Add(1)
		for {
			if stored, err = l.store.Load(ctx, s.Key); err == nil || errors.Is(err, sessions.ErrNotFound) {
				break
			}
			select {
			case <-l.stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		if err != nil {
			stored = sessions.Session{Key: s.Key}
		}
		if stored.Steps < kept || stored.Steps > done+1 {
			l.say("%s is at step %d; %d were acknowledged, %d with an action", msisdn, stored.Steps, done, kept)
		}
		s, done = stored, stored.Steps
	}
}

// progress waits until so many more steps and actions were acknowledged.
func (l *load) progress(t *testing.T, n int64) {
	t.Helper()
	steps, actions := l.steps.Load()+n, l.actions.Load()+n/8
	storetest.WaitFor(t, "the load goes on", func() bool { return l.steps.Load() >= steps && l.actions.Load() >= actions })
}

// end stops the load and demands all that was acknowledged, once.
func (l *load) end(t *testing.T, what string) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	for _, w := range l.wrong {
		t.Error(w)
	}
	for id, msisdn := range l.acked {
		if _, err := l.store.Action(t.Context(), msisdn, id); err != nil {
			t.Errorf("M7: the acknowledged action %s: %v", id, err)
		}
	}
	due := map[string]int{}
	for _, queue := range []string{sessions.QueueActions, sessions.QueueNotices} {
		for {
			rs, err := l.store.Claim(t.Context(), queue, "test", time.Now().Add(2*time.Hour), 24*time.Hour, sessions.MaxClaim)
			if err != nil {
				t.Fatal(err)
			}
			if len(rs) == 0 {
				break
			}
			for _, r := range rs {
				switch r := r.(type) {
				case *sessions.Action:
					due["action "+r.ID]++
				case *sessions.Notice:
					due["notice "+r.ID]++
				}
			}
		}
	}
	for id := range l.acked {
		for _, kind := range []string{"action ", "notice "} {
			if due[kind+id] != 1 {
				t.Errorf("M5: the %s%s is due %d times", kind, id, due[kind+id])
			}
		}
	}
	t.Logf("%s: %d steps, %d actions acknowledged; %d calls failed", what, l.steps.Load(), l.actions.Load(), l.errors.Load())
}

func rounds(ci, full int) int {
	if os.Getenv("NYOTA_SOAK") != "" {
		return full
	}
	return ci
}

func TestValkeySentinelStore(t *testing.T) {
	t.Parallel()
	g := storetest.StartSentinels(t, "watchword")
	opts := sessions.ValkeyOptions{Addresses: g.Addrs(), Timeout: 10 * time.Second,
		Sentinel: sessions.Sentinel{Master: "nyota", Password: "watchword"}}
	t.Run("the sentinels' password is their own", func(t *testing.T) {
		bad := opts
		bad.Sentinel.Password = "another"
		if v, err := sessions.OpenValkey(t.Context(), bad); err == nil || strings.Contains(err.Error(), "another") {
			t.Errorf("opened %v: %v", v != nil, err)
		}
	})
	suite(t, opts)

	t.Run("M7 failovers in mid-load lose and double nothing", func(t *testing.T) {
		opts.Prefix, opts.Replicas = "load:", 1
		l := run(t, open(t, opts), 16)
		l.progress(t, 200)
		at := 0
		for range rounds(1, 10) {
			l.progress(t, 100)
			primary, replica := g.Servers[at], g.Servers[1-at]
			primary.Kill()
			storetest.WaitFor(t, "the replica is promoted", func() bool { return replica.IsPrimary(t) })
			primary.Restart(t)
			// The old one, as a rule; on a busy machine the sentinels may change their
			// minds before it is told to.
			storetest.WaitFor(t, "one follows the other", func() bool {
				at = 0
				if g.Servers[1].IsPrimary(t) {
					at = 1
				}
				return g.Servers[at].IsPrimary(t) && g.Servers[1-at].Follows(t)
			})
		}
		l.progress(t, 200)
		l.end(t, "sentinels")
	})
}

func TestValkeySentinelsOverTLSNameTheNextPrimary(t *testing.T) {
	t.Parallel()
	files := storetest.MakeTLS(t)
	g := files.StartSentinels(t, "watchword")
	secure := files.Client(t)
	opts := sessions.ValkeyOptions{Addresses: g.Addrs(), Timeout: 10 * time.Second, Replicas: 1, TLS: secure,
		Sentinel: sessions.Sentinel{Master: "nyota", Password: "watchword", TLS: secure}}
	for name, bad := range map[string]struct {
		opts     sessions.ValkeyOptions
		sentinel bool // no sentinel lets us in; otherwise it is the primary
	}{
		"no certificate for the sentinels": {sessions.ValkeyOptions{TLS: secure, Sentinel: sessions.Sentinel{TLS: anonymous(secure)}}, true},
		"no certificate for the primary":   {sessions.ValkeyOptions{TLS: anonymous(secure), Sentinel: sessions.Sentinel{TLS: secure}}, false},
		"no TLS to the primary":            {sessions.ValkeyOptions{Sentinel: sessions.Sentinel{TLS: secure}}, false},
	} {
		bad.opts.Addresses, bad.opts.Timeout = opts.Addresses, time.Second
		bad.opts.Sentinel.Master, bad.opts.Sentinel.Password = "nyota", "watchword"
		var connect *sessions.ConnectError
		if v, err := sessions.OpenValkey(t.Context(), bad.opts); !errors.As(err, &connect) || connect.Sentinel != bad.sentinel {
			t.Errorf("%s: opened %v, %v", name, v != nil, err)
		}
	}
	l := run(t, open(t, opts), 4)
	l.progress(t, 50)
	g.Servers[0].Kill()
	storetest.WaitFor(t, "the replica is promoted", func() bool { return g.Servers[1].IsPrimary(t) })
	host, port, _ := net.SplitHostPort(g.Servers[1].TLSAddr)
	g.Servers[0].Restart(t, "--appendonly", "yes", "--appendfsync", "always", "--tls-replication", "yes", "--replicaof", host+" "+port)
	l.progress(t, 50) // which needs a replica; on a busy machine the sentinels may change their minds meanwhile
	l.end(t, "sentinels over TLS")
}

// anonymous is a client without a certificate.
func anonymous(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.Certificates = nil
	return c
}

func TestValkeyClusterFailsOverAndMovesSlotsInMidLoad(t *testing.T) {
	t.Parallel()
	c := storetest.StartCluster(t, time.Second, true)
	opts := sessions.ValkeyOptions{Addresses: c.Addrs(), Replicas: 1, Timeout: 10 * time.Second}
	l := run(t, open(t, opts), 48)
	for round := range rounds(1, 5) {
		l.progress(t, 400)
		from, to := round%3, (round+1)%3
		// As an operator would: keys first, then the slot.
		out, err := exec.CommandContext(t.Context(), "valkey-cli", "--cluster", "reshard", c.Primaries[to].Addr, "--cluster-from", c.ID(from),
			"--cluster-to", c.ID(to), "--cluster-slots", "400", "--cluster-yes", "--cluster-pipeline", "100").CombinedOutput()
		if err != nil {
			t.Fatalf("reshard: %v: %.500s", err, out)
		}
		l.progress(t, 400)
		primary, replica := c.Primaries[to], c.Replicas[to]
		primary.Kill()
		storetest.WaitFor(t, "the replica is promoted", func() bool { return replica.IsPrimary(t) })
		primary.Restart(t)
		primary.InStep(t)
		l.progress(t, 400)
		// And back, as the next round wants it.
		storetest.WaitFor(t, "the old primary takes over again", func() bool {
			_ = primary.Command(t, "CLUSTER", "FAILOVER")
			return primary.IsPrimary(t)
		})
		replica.InStep(t)
	}
	l.progress(t, 400)
	l.end(t, "cluster")
}
