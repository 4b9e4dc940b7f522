package coresim

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hold occupies the only worker until release, which waits until it is free.
func hold(c *Core) (release func()) {
	in, out, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	_ = c.pool.submit(func(time.Time) { close(in); <-out; close(done) })
	<-in
	return func() { close(out); <-done }
}

// eventually polls for what another goroutine does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within 5 s", what)
}

func queued(t *testing.T, c *Core, n int) {
	t.Helper()
	eventually(t, "requests in the queue", func() bool { return c.pool.waiting() == n })
}

func settled(t *testing.T, c *Core, n int) {
	t.Helper()
	eventually(t, "effects", func() bool { return len(c.Effects()) == n })
}

// This is what makes people pay twice: the customer's side gave up, and the core
// goes on.
func TestRequestWhoseClientWentAwayIsStillDone(t *testing.T) {
	f := DefaultFaults()
	f.Workers, f.ServiceMS = 1, 0
	c, url := begin(t, Config{Faults: &f})
	release := hold(c)
	id := newID()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		r, err := http.NewRequestWithContext(ctx, "POST", url+base+"/transactions/type/transfer", strings.NewReader(transfer(baraka, 500)))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("X-CorrelationID", id)
		r.Header.Set("X-User-Credential-1", "1234")
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
			t.Error("an answer came")
		}
	})
	queued(t, c, 1)
	cancel()
	wg.Wait()
	release()
	settled(t, c, 1)
	if e := c.Effects(); e[0].CorrelationID != id || e[0].Times != 1 {
		t.Errorf("%+v", e)
	}
}

func TestWorkersAndServiceTimeAreTheCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1000)
		p.set(4, 10*time.Millisecond, false)
		var done, most, now atomic.Int64
		for range 100 {
			_ = p.submit(func(time.Time) { done.Add(1) })
		}
		began := time.Now()
		for done.Load() < 100 {
			p.mu.Lock()
			now.Store(int64(p.busy))
			p.mu.Unlock()
			most.Store(max(most.Load(), now.Load()))
			time.Sleep(time.Millisecond)
		}
		if d := time.Since(began); d < 250*time.Millisecond || d > 252*time.Millisecond || most.Load() != 4 {
			t.Errorf("%v with at most %d workers, want 250 ms with 4", d, most.Load())
		}
		p.close()
	})
}

func TestPoolChangesWhileItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(10_000)
		p.set(8, time.Second, false)
		var done atomic.Int64
		for range 5000 {
			_ = p.submit(func(time.Time) { done.Add(1) })
		}
		time.Sleep(1500 * time.Millisecond)
		p.set(1, time.Second, false) // seven of them end with what they have
		time.Sleep(10 * time.Second)
		if n := done.Load(); n != 8+8+9 {
			t.Errorf("%d done by one worker, want 25", n)
		}
		p.set(1, 0, true)
		time.Sleep(time.Minute)
		if n := done.Load(); n > 27 {
			t.Errorf("%d done by a paused pool", n)
		}
		p.set(100, 0, false)
		synctest.Wait()
		if n := done.Load(); n != 5000 || p.waiting() != 0 {
			t.Errorf("%d done, %d waiting", n, p.waiting())
		}
		p.close()
		if err := p.submit(func(time.Time) {}); err == nil {
			t.Error("a closed pool took a job")
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	c, url := begin(t, quick(func(c *Config) { c.MaxQueue = 1; c.Faults.Workers = 1 }))
	release := hold(c)
	done := make(chan answer)
	go func() { done <- ask(t, "GET", url+base+"/transactions/X", "") }()
	queued(t, c, 1)
	if a := ask(t, "GET", url+base+"/transactions/X", ""); a.status != 503 || a.code() != "serviceUnavailable/genericError" {
		t.Errorf("%d %s", a.status, a.code())
	}
	release()
	if a := <-done; a.status != 404 {
		t.Errorf("%d", a.status)
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	f := DefaultFaults()
	f.Workers, f.ServiceMS = 1, 600_000
	c, url := begin(t, Config{Faults: &f})
	done := make(chan answer)
	for range 3 {
		go func() { done <- ask(t, "GET", url+base+"/transactions/X", "") }()
	}
	queued(t, c, 2)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if a := <-done; a.status != 0 {
			t.Errorf("%d from a core that was closed", a.status)
		}
	}
}
