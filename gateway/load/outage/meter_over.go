package outage

import (
	"time"

	"nyota/sessions"
)

// What follows is for a gateway that is watched from outside.

// restart has time begin again: what came before was preparation.
func (m *meter) restart(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun, m.buckets = at, nil
}

// dialled notes a dialogue, so that its action is found by number and time.
func (m *meter) dialled(k sessions.Key, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[k.MSISDN] = append(m.calls[k.MSISDN], call{k, at})
}

// recorded takes a line of a gateway's records: a change of an action.
func (m *meter) recorded(r record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := sessions.Key{MSISDN: r.MSISDN}
	for _, c := range m.calls[r.MSISDN] {
		if !c.at.After(r.Created) { // each customer is in one dialogue at a time
			key = c.key
		}
	}
	was := 0
	if d := m.deeds[r.ID]; d != nil {
		was = d.inquiries
	}
	m.change(r.ID, key, states[r.State], r.At)
	m.called(r.Ref, r.ID)
	d := m.deeds[r.ID]
	d.ref, d.inquiries = r.Ref, max(r.Inquiries, was)
	m.inquired += d.inquiries - was
}

// owed is an SMS to a customer that has not been seen.
type owed struct{ id, msisdn, ref string }

// refs are the final actions of which the customer should have an SMS.
func (m *meter) refs() []owed {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []owed
	for id, d := range m.deeds {
		if d.state.Final() && d.ref != "" {
			all = append(all, owed{id, d.key.MSISDN, d.ref})
		}
	}
	return all
}

// heard notes how many SMS a customer has about an action.
func (m *meter) heard(id string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.deeds[id]; d != nil {
		m.notices[id+"/customer/"+words[d.state]] = n
	}
}

// unheard is how many final actions have no SMS yet, where that is watched.
func (m *meter) unheard() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, d := range m.deeds {
		if d.ref != "" && d.state.Final() && m.notices[id+"/customer/"+words[d.state]] == 0 {
			n++
		}
	}
	return n
}
