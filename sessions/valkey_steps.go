package sessions

import (
	"context"
	_ "embed" // the script
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"
)

//go:embed lua/steps.lua
var stepsLua string

var stepsScript = newScript(stepsLua)

const (
	// stepsAtOnce is how many plain steps one command carries at most.
	stepsAtOnce = 128
	// stepsWriters is how many such commands are on their way at once: a server that
	// waits for its disk answers all that came meanwhile by one more wait.
	stepsWriters = 16
)

// steps gather the plain steps of all customers for a server that has all slots:
// what comes while a command is on its way goes with the next one. A lonely step
// goes at once, by itself.
type steps struct {
	v  *Valkey
	wg sync.WaitGroup

	mu      sync.Mutex
	more    sync.Cond
	pending []*stepCall
	idle    int // writers that wait
	closed  bool
}

// stepCall is one plain step.
type stepCall struct {
	key      string
	expected string // version; with writtenBefore behind it in a later try
	row      string // "" removes the session
	until    string
	done     chan error // has room for one
}

var stepCalls = sync.Pool{New: func() any { return &stepCall{done: make(chan error, 1)} }}

func newSteps(v *Valkey) *steps {
	s := &steps{v: v}
	s.more.L = &s.mu
	for range stepsWriters {
		s.wg.Go(s.write)
	}
	return s
}

// close ends the writers. No step may be under way.
func (s *steps) close() {
	s.mu.Lock()
	s.closed = true
	s.more.Broadcast()
	s.mu.Unlock()
	s.wg.Wait()
}

// do makes one try of a step. It ends with ctx, or a little after the store's
// timeout if ctx lasts longer than that: a timer for each step would cost as much
// as the step.
func (s *steps) do(ctx context.Context, key, expected, row, until string) error {
	c := stepCalls.Get().(*stepCall)
	c.key, c.expected, c.row, c.until = key, expected, row, until
	s.mu.Lock()
	s.pending = append(s.pending, c)
	if s.idle > 0 {
		s.idle--
		s.more.Signal()
	}
	s.mu.Unlock()
	var ended <-chan struct{}
	if end, ok := ctx.Deadline(); !ok || time.Until(end) < s.v.opts.Timeout {
		ended = ctx.Done()
	}
	select {
	case err := <-c.done:
		c.key, c.row = "", ""
		stepCalls.Put(c)
		return err
	case <-ended: // the writer still has the call
		return fmt.Errorf("%w: valkey: %w", ErrUncertain, ctx.Err())
	}
}

// write sends what has gathered until close.
func (s *steps) write() {
	var batch []*stepCall
	var keys, args []string
	for {
		if batch = s.gather(batch[:0]); batch == nil {
			return
		}
		keys, args = keys[:0], append(args[:0], octets(orderedTime(s.v.opts.Now())))
		for _, c := range batch {
			keys = append(keys, c.key)
			args = append(args, c.expected, c.row, c.until)
		}
		ctx, cancel := context.WithTimeout(context.Background(), s.v.opts.Timeout)
		answers, err := s.v.runSteps(ctx, keys, args)
		cancel()
		for i, c := range batch {
			switch {
			case err != nil:
				c.done <- err
			case answers[i] != '0':
				c.done <- ErrConflict
			default:
				c.done <- nil
			}
		}
		clear(batch)
		clear(keys)
		clear(args)
	}
}

// gather waits for steps and takes them. It is nil after close.
func (s *steps) gather(batch []*stepCall) []*stepCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) == 0 {
		if s.closed {
			return nil
		}
		s.idle++
		s.more.Wait()
	}
	// Those that are about to add a step do so first.
	s.mu.Unlock()
	runtime.Gosched()
	s.mu.Lock()
	n := min(len(s.pending), stepsAtOnce)
	for i, c := range s.pending[:n] {
		if taken(batch, c.key) {
			n = i // a session's next step goes with the next command
			break
		}
		batch = append(batch, c)
	}
	left := copy(s.pending, s.pending[n:])
	clear(s.pending[left:])
	s.pending = s.pending[:left]
	if left > 0 && s.idle > 0 {
		s.idle--
		s.more.Signal()
	}
	return batch
}

// taken says whether a session is in a batch already. Two steps of one session
// at once are rare: two nodes' answers to one question.
func taken(batch []*stepCall, key string) bool {
	for _, c := range batch {
		if len(c.key) == len(key) && c.key == key {
			return true
		}
	}
	return false
}

// runSteps runs steps.lua: without an error there is an octet for each key.
func (v *Valkey) runSteps(ctx context.Context, keys, args []string) (string, error) {
	answers, err := v.run(ctx, stepsScript, keys, args).ToString()
	if err == nil && len(answers) != len(keys) {
		err = fmt.Errorf("%d answers to %d steps", len(answers), len(keys))
	}
	if err != nil {
		return "", failedWrite(err)
	}
	return answers, nil
}

// step commits one session and nothing else.
func (v *Valkey) step(ctx context.Context, s *Session, expected uint64, row string) error {
	key, version, until := v.sessionKey(s.Key), octets(expected), millis(s.Expires)
	try := func(ctx context.Context, again bool) error {
		if again && len(version) == nowLen {
			version += writtenBefore
		}
		if v.steps != nil {
			return v.steps.do(ctx, key, version, row, until)
		}
		answer, err := v.runSteps(ctx, []string{key}, []string{octets(orderedTime(v.opts.Now())), version, row, until})
		if err == nil && answer != "0" {
			err = ErrConflict
		}
		return err
	}
	if v.steps == nil {
		ctx, done, err := v.begin(ctx)
		if err != nil {
			return err
		}
		defer done()
		return v.retry(ctx, func(again bool) error { return try(ctx, again) })
	}
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.leave()
	err := try(ctx, false)
	if err == nil {
		if v.away.Load() {
			v.away.Store(false)
		}
		return nil
	}
	if judge(err) == final {
		return err
	}
	first := err
	ctx, cancel := context.WithTimeout(ctx, v.opts.Timeout)
	defer cancel()
	return v.retry(ctx, func(again bool) error {
		if err := first; err != nil {
			first = nil
			return err
		}
		return try(ctx, again)
	})
}

// gathers says whether plain steps of all customers may share a command.
func gathers(c valkey.Client) bool { return c.Mode() != valkey.ClientModeCluster }
