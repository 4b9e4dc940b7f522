package smpp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"nyota/smpp/pdu"
)

// member is one link in a Pool.
type member struct {
	pool *Pool
	link *Link
	cfg  *PoolLink
	bit  uint64 // in a set of members

	// Under the pool's lock.
	dead     *Conn // takes no requests any more, though the link has it still
	pace     pace
	inflight int
	draining bool
	idle     chan struct{}
	routes   []*route   // it has a place in
	turns    [lanes]int // that a lane has left; see PoolConfig.Weights
	own      *route     // for what prefers it and has no other way
}

func newMember(p *Pool, l *PoolLink, at int) *member {
	m := &member{pool: p, link: l.Link, cfg: l, bit: 1 << at, pace: newPace(l.Rate, l.Burst)}
	m.own = &route{tiers: [][]*member{{m}}}
	m.routes = []*route{m.own}
	return m
}

// carries says whether the link may be used for a service at all: a receiver
// only listens.
func (m *member) carries(s Service) bool {
	return m.link.cfg.Bind.Type != pdu.IDBindReceiver && (len(m.cfg.Services) == 0 || slices.Contains(m.cfg.Services, s))
}

// conn returns the session that takes requests, or nil.
func (m *member) conn() *Conn {
	c := m.link.conn.Load()
	if c == m.dead || m.draining {
		return nil
	}
	return c
}

// route is where the requests with one prefix and service go, and where they
// wait.
type route struct {
	tiers [][]*member // the longest prefix first
	lanes [lanes]line
}

// tier returns the links to use now: the first rank with one that is bound.
func (r *route) tier() []*member {
	for _, tier := range r.tiers {
		for _, m := range tier {
			if m.conn() != nil {
				return tier
			}
		}
	}
	return nil
}

// first returns what waits in the most urgent lane.
func (r *route) first() *ticket {
	for i := range r.lanes {
		if t := r.lanes[i].first; t != nil {
			return t
		}
	}
	return nil
}

// routes are those of one service, by prefix.
type routes struct {
	all     *route // of addresses with no prefix of ours
	by      map[string]*route
	lengths []int // of the prefixes, the longest first
}

func (r *routes) build(members []*member, s Service) error {
	prefixes := map[string]bool{"": true}
	for _, m := range members {
		for _, prefix := range m.cfg.Prefixes {
			if prefix == "" || strings.ContainsFunc(prefix, func(c rune) bool { return c < '0' || c > '9' }) {
				return fmt.Errorf("smpp: link %q: prefix %q has not only digits", m.link.Name(), prefix)
			}
			if m.carries(s) {
				prefixes[prefix] = true
			}
		}
	}
	r.by = make(map[string]*route, len(prefixes))
	for prefix := range prefixes {
		rt := &route{}
		for n := len(prefix); n >= 0; n-- {
			var tier []*member
			for _, m := range members {
				if m.carries(s) && m.matches(prefix) == n {
					tier = append(tier, m)
					m.routes = append(m.routes, rt)
				}
			}
			if tier != nil {
				rt.tiers = append(rt.tiers, tier)
			}
		}
		if prefix == "" {
			r.all = rt
			continue
		}
		r.by[prefix] = rt
		if !slices.Contains(r.lengths, len(prefix)) {
			r.lengths = append(r.lengths, len(prefix))
		}
	}
	slices.SortFunc(r.lengths, func(a, b int) int { return b - a })
	return nil
}

// matches returns the length of the link's longest prefix that an address with
// that prefix begins with, 0 if it has no prefixes at all, and -1 if none fits.
func (m *member) matches(prefix string) int {
	if len(m.cfg.Prefixes) == 0 {
		return 0
	}
	longest := -1
	for _, p := range m.cfg.Prefixes {
		if strings.HasPrefix(prefix, p) {
			longest = max(longest, len(p))
		}
	}
	return longest
}

// find returns the route to an address.
func (r *routes) find(addr []byte) *route {
	if len(r.lengths) == 0 {
		return r.all
	}
	addr = bytes.TrimPrefix(addr, []byte("+"))
	addr = bytes.TrimPrefix(addr, []byte("00"))
	for _, n := range r.lengths {
		if n <= len(addr) {
			if rt := r.by[string(addr[:n])]; rt != nil {
				return rt
			}
		}
	}
	return r.all
}

// allRoutes returns every route once.
func (p *Pool) allRoutes() []*route {
	var all []*route
	for _, m := range p.members {
		all = append(all, m.own)
	}
	for i := range p.routes {
		all = append(all, p.routes[i].all)
		for _, rt := range p.routes[i].by {
			all = append(all, rt)
		}
	}
	return all
}

// destination returns the address that a request is for, of several the first,
// and nil for requests about a message that was sent: where it went only the
// caller knows (Route.Prefer).
func destination(body pdu.Body) []byte {
	switch b := body.(type) {
	case *pdu.SubmitSM:
		return b.DestinationAddr
	case *pdu.DataSM:
		return b.DestinationAddr
	case *pdu.SubmitMulti:
		for i := range b.DestAddresses {
			if a := b.DestAddresses[i].Address; len(a) > 0 {
				return a
			}
		}
	}
	return nil
}
