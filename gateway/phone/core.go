package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Faults are those of the simulated core switch that the page can turn.
type Faults struct {
	Workers     int     `json:"workers"`
	ServiceMS   int     `json:"service_ms"`
	DropAnswers float64 `json:"drop_answers"` // share of requests that take effect and get no answer
	Down        bool    `json:"down"`
}

// Core is where the switches lead. Both methods are called by several
// goroutines at once and must end with ctx.
type Core interface {
	Faults(ctx context.Context) (Faults, error)
	SetFaults(ctx context.Context, f Faults) error
}

// Modes of the core that the page offers.
const (
	ModeNormal = "normal"
	ModeSlow   = "slow"
	ModeSilent = "silent"
	ModeDead   = "dead"
)

// preset returns the faults of a mode.
func preset(mode string) (Faults, bool) {
	f := Faults{Workers: 20, ServiceMS: 5}
	switch mode {
	case ModeNormal:
	case ModeSlow:
		f.Workers, f.ServiceMS = 2, 3000
	case ModeSilent:
		f.DropAnswers = 1
	case ModeDead:
		f.Down = true
	default:
		return f, false
	}
	return f, true
}

// Mode names what the faults amount to.
func (f Faults) Mode() string {
	switch {
	case f.Down:
		return ModeDead
	case f.DropAnswers > 0:
		return ModeSilent
	case f.ServiceMS >= 1000:
		return ModeSlow
	}
	return ModeNormal
}

// HTTPCore returns the switches of a core simulator at a base URL such as
// http://127.0.0.1:8090, which has GET and PUT /faults.
func HTTPCore(base string) Core {
	return &httpCore{url: strings.TrimSuffix(base, "/") + "/faults", client: &http.Client{
		Timeout:       2 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true}, // no idle connections to own
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type httpCore struct {
	url    string
	client *http.Client
}

func (c *httpCore) Faults(ctx context.Context) (Faults, error) {
	return c.do(ctx, http.MethodGet, nil)
}

func (c *httpCore) SetFaults(ctx context.Context, f Faults) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, http.MethodPut, body)
	return err
}

func (c *httpCore) do(ctx context.Context, method string, body []byte) (Faults, error) {
	var f Faults
	req, err := http.NewRequestWithContext(ctx, method, c.url, bytes.NewReader(body))
	if err != nil {
		return f, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return f, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	if err != nil {
		return f, err
	}
	if resp.StatusCode/100 != 2 {
		return f, fmt.Errorf("phone: the core simulator answered %s", resp.Status)
	}
	if method == http.MethodPut {
		return f, nil
	}
	return f, json.Unmarshal(answer, &f)
}

// coreState is what the page shows of the core.
type coreState struct {
	T      string `json:"t"`    // "core"
	Mode   string `json:"mode"` // a Mode, or "unknown"
	Faults Faults `json:"faults"`
	Error  string `json:"error,omitempty"`
}

// coreView asks the core for all browsers together, at most once a second.
type coreView struct {
	core Core

	mu   sync.Mutex // held while asking: the others wait for the same answer
	at   time.Time
	last coreState
}

const coreFresh = time.Second

var errNoSwitches = errors.New("phone: there is no core simulator to switch")

func (v *coreView) state(ctx context.Context) coreState {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Since(v.at) < coreFresh {
		return v.last
	}
	return v.ask(ctx)
}

// ask is called with v.mu held.
func (v *coreView) ask(ctx context.Context) coreState {
	f, err := v.core.Faults(ctx)
	s := coreState{T: "core", Mode: f.Mode(), Faults: f}
	if err != nil {
		s = coreState{T: "core", Mode: "unknown", Error: "the core simulator does not answer"}
	}
	v.at, v.last = time.Now(), s
	return s
}

// turn switches the core to a mode and returns what it is then.
func (v *coreView) turn(ctx context.Context, mode string) (coreState, error) {
	f, ok := preset(mode)
	if !ok {
		return coreState{}, fmt.Errorf("phone: there is no mode %.20q", mode)
	}
	if v.core == nil {
		return coreState{}, errNoSwitches
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.core.SetFaults(ctx, f); err != nil {
		return v.ask(ctx), errors.New("the core simulator did not take the switch")
	}
	return v.ask(ctx), nil
}
