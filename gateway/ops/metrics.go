package ops

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"nyota/gateway/core"
	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/sessions"
)

// Sources is what Metrics are read from when they are asked for. All are required.
type Sources struct {
	Store  sessions.Store
	Menus  *dialog.Menus
	Board  *Board
	Live   func() int         // dialogues that this process stepped last
	Load   func() core.Load   // of the limiter
	Health func() core.Health // what the core's heartbeat said last
	Open   func() bool        // whether the breaker is
	Links  func() []LinkUp
}

// LinkUp is a configured link, and whether it is bound.
type LinkUp struct {
	Name, Network string
	Up            bool
}

// Metrics are what a gateway tells Prometheus. No label holds a number, an amount
// or a text: calls, states and reasons are of closed sets, links are those of the
// configuration, and revisions those that are counted apart (see dialog.Counts).
type Metrics struct {
	registry *prometheus.Registry
	steps    *prometheus.HistogramVec
	calls    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	actions  *prometheus.CounterVec
	outside  *prometheus.CounterVec
	kinds    [4]prometheus.Observer // by dialog.Kind
}

// seconds are the buckets of what customers wait for: networks give up after 5 to
// 15 s.
var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 4, 5, 10}

// NewMetrics returns metrics without a source for what is only read: see Read.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "nyota_step_seconds", Buckets: seconds,
			Help: "From a customer's message to its screen, the core's answer included; by what the customer did."}, []string{"kind"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nyota_core_calls_total",
			Help: "Calls to the core by their outcome; not_sent: refused by the limiter or the breaker, or nobody was there."}, []string{"call", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "nyota_core_call_seconds", Buckets: seconds,
			Help: "What calls to the core took, the wait for a place included."}, []string{"call"}),
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nyota_action_changes_total",
			Help: "Actions that came into a state."}, []string{"call", "state"}),
		outside: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nyota_outside_screens_total",
			Help: "Screens that are of no menu and end a dialogue; busy, unsure: the store did not answer."}, []string{"screen"}),
	}
	for _, screen := range outsideScreens {
		m.outside.WithLabelValues(screen)
	}
	m.registry.MustRegister(m.steps, m.calls, m.took, m.actions, m.outside,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for kind, name := range map[dialog.Kind]string{dialog.Dial: "dial", dialog.Answer: "answer", dialog.Abort: "abort"} {
		m.kinds[kind] = m.steps.WithLabelValues(name)
	}
	return m
}

// Read adds what is read from the gateway's parts at each scrape.
func (m *Metrics) Read(s Sources) { m.registry.MustRegister(&reader{s}) }

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Stepped counts a turn. It is dialog.Config's Stepped.
func (m *Metrics) Stepped(kind dialog.Kind, took time.Duration) {
	if int(kind) < len(m.kinds) && m.kinds[kind] != nil {
		m.kinds[kind].Observe(took.Seconds())
	}
}

// outsideScreens are the labels of dialog.Config's Outside.
var outsideScreens = []string{"busy", "session_expired", "still_checking", "unknown_code", "unsure"}

// Outside counts a screen of no menu. It is dialog.Config's Outside.
func (m *Metrics) Outside(screen string) {
	if !slices.Contains(outsideScreens, screen) {
		screen = "other"
	}
	m.outside.WithLabelValues(screen).Inc()
}

// Action counts a change of an action.
func (m *Metrics) Action(a sessions.Action) {
	m.actions.WithLabelValues(callLabel(a.Call), ledger.StateName(a.State)).Inc()
}

// callNames are the labels of calls: menus cannot make others, and nobody else
// names them.
var callNames = []string{core.Transfer, core.MerchantPay, core.BillPay, core.Airtime, core.Withdrawal, core.Deposit, core.Balance,
	core.AccountName, core.Fee, core.Statement, core.Commission, core.Lookup, core.Lock, "change_pin", "reversal"}

func callLabel(call string) string {
	if slices.Contains(callNames, call) {
		return call
	}
	return "other"
}

// Switch counts what passes through a switch.
func (m *Metrics) Switch(s core.Switch) core.Switch { return &countedSwitch{s, m} }

type countedSwitch struct {
	core.Switch
	m *Metrics
}

// Call is as core.Switch's.
func (c *countedSwitch) Call(ctx context.Context, r core.Request) (core.Outcome, error) {
	start := time.Now()
	out, err := c.Switch.Call(ctx, r)
	c.count(callLabel(r.Call), start, out, err)
	return out, err
}

// Inquire is as core.Switch's.
func (c *countedSwitch) Inquire(ctx context.Context, q core.Inquiry) (core.Outcome, error) {
	start := time.Now()
	out, err := c.Switch.Inquire(ctx, q)
	c.count("inquiry", start, out, err)
	return out, err
}

func (c *countedSwitch) count(call string, start time.Time, out core.Outcome, err error) {
	outcome := out.Status.String()
	switch {
	case errors.Is(err, core.ErrNotSent):
		outcome = "not_sent"
	case errors.Is(err, context.DeadlineExceeded):
		outcome = "timeout"
	case err != nil && out.Status == core.Unknown:
		outcome = "failed"
	}
	c.m.calls.WithLabelValues(call, outcome).Inc()
	c.m.took.WithLabelValues(call).Observe(time.Since(start).Seconds())
}

// reader reads the gateway's parts.
type reader struct{ Sources }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("nyota_"+name, help, labels, nil)
}

var (
	descLive      = desc("dialogues_live", "Dialogues under way that this gateway stepped last.")
	descOpen      = desc("dialogues_open", "Those by revision; an empty revision: those that are not counted apart.", "revision")
	descDialogues = desc("dialogues_total", "Dialogues by revision: begun, completed, abandoned, failed.", "revision", "event")
	descRevision  = desc("menus_revision", "1 for the revisions that serve: current, canary.", "revision", "role")
	descBroken    = desc("menus_broken", "1 while this gateway's menu files have errors.")
	descBehind    = desc("menus_behind", "1 while this gateway does not serve what is published.")
	descNotices   = desc("notices_now", "Operators' notices in force.", "kind")
	descStore     = desc("store_up", "1 while the store takes commits.")
	descQueue     = desc("queue_records", "Records in a queue: notices are SMS to be sent, actions wait for recovery or inquiry.", "queue")
	descOverdue   = desc("queue_overdue_seconds", "How long the first record of a queue has waited for somebody to take it.", "queue")
	descLimit     = desc("core_limit", "Requests that the limiter lets be in flight at the core.")
	descInFlight  = desc("core_in_flight", "Requests in flight at the core.")
	descWaiting   = desc("core_waiting", "Requests that wait for a place.")
	descBreaker   = desc("core_breaker_open", "1 while nobody is at the core.")
	descHealth    = desc("core_health", "1 for what the core's heartbeat said last.", "state")
	descLink      = desc("link_up", "1 while a link is bound.", "link", "network")
)

// Describe is as prometheus.Collector's.
func (r *reader) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descLive, descOpen, descDialogues, descRevision, descBroken, descBehind, descNotices, descStore,
		descQueue, descOverdue, descLimit, descInFlight, descWaiting, descBreaker, descHealth, descLink} {
		to <- d
	}
}

// scrapeWithin bounds what one scrape waits for the store.
const scrapeWithin = 2 * time.Second

// Collect is as prometheus.Collector's.
func (r *reader) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descLive, float64(r.Live()))
	for _, c := range r.Menus.Counts() {
		gauge(descOpen, float64(c.Open), c.ID)
		for event, n := range map[string]int64{"begun": c.Begun, "completed": c.Completed, "abandoned": c.Abandoned, "failed": c.Failed} {
			to <- prometheus.MustNewConstMetric(descDialogues, prometheus.CounterValue, float64(n), c.ID, event)
		}
	}
	st := r.Menus.Status()
	gauge(descRevision, 1, st.Current, "current")
	if st.Canary != "" {
		gauge(descRevision, 1, st.Canary, "canary")
	}
	gauge(descBroken, truth(st.Broken != nil))
	gauge(descBehind, truth(st.Behind != nil))
	now := map[string]int{}
	for _, n := range r.Board.List() {
		if n.State == "now" {
			now[n.Kind]++
		}
	}
	for _, kind := range []string{NoticeClosed, NoticeOpen, NoticeInfo} {
		gauge(descNotices, float64(now[kind]), kind)
	}
	load, health := r.Load(), r.Health()
	gauge(descLimit, float64(load.Limit))
	gauge(descInFlight, float64(load.InFlight))
	gauge(descWaiting, float64(load.Waiting))
	gauge(descBreaker, truth(r.Open()))
	for _, state := range []core.HealthState{core.HealthUnknown, core.Available, core.Degraded, core.Unavailable} {
		gauge(descHealth, truth(health.State == state), state.String())
	}
	for _, l := range r.Links() {
		gauge(descLink, truth(l.Up), l.Name, l.Network)
	}
	r.store(gauge)
}

// store asks the store, whose answers may be late.
func (r *reader) store(gauge func(*prometheus.Desc, float64, ...string)) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	gauge(descStore, truth(r.Store.Health(ctx) == nil))
	for _, queue := range []string{sessions.QueueActions, sessions.QueueNotices} {
		b, err := r.Store.Backlog(ctx, queue)
		if err != nil {
			continue // and store_up says so
		}
		overdue := 0.0
		if !b.Oldest.IsZero() {
			overdue = max(0, time.Since(b.Oldest).Seconds())
		}
		gauge(descQueue, float64(b.Records), queue)
		gauge(descOverdue, overdue, queue)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
