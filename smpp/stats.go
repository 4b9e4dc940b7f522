package smpp

// Stats are the counts of one connection since its start.
type Stats struct {
	Requests  uint64 // ours, queued
	Responses uint64 // ours, queued; enquire_link_resp left out
	Received  uint64 // PDUs of the peer, all kinds
	Enquiries uint64 // enquire_link of ours
	Timeouts  uint64 // requests of ours without a response in time
	Late      uint64 // responses whose caller had given up
	Unmatched uint64 // responses to nothing we asked: duplicates, wrong kinds, after the timeout
	Malformed uint64 // bodies that could not be read, commands that are unknown
	Refused   uint64 // requests that the bind does not carry
	Pauses    uint64 // times the reader stopped for want of answers

	Reads, Writes              uint64 // of the network
	OctetsReceived, OctetsSent uint64

	Outstanding int // requests of ours without a response now
	Held        int // requests of the peer without an answer now
}

func (s *Stats) add(o *Stats) {
	s.Received += o.Received
	s.Late += o.Late
	s.Unmatched += o.Unmatched
	s.Malformed += o.Malformed
	s.Refused += o.Refused
	s.Reads += o.Reads
	s.OctetsReceived += o.OctetsReceived
}

// Stats returns the counts as they were at the last whole read.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Outstanding, s.Held = c.win.used, c.held.n
	return s
}
