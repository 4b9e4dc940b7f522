package ussd

import (
	"sync"

	"nyota/gateway/dialog"
	"nyota/smpp"
	"nyota/smpp/pdu"
)

// turn is what outlives the read buffer of a deliver_sm, until its screen is
// answered. Its memory is used again.
type turn struct {
	channel *Channel
	bind    Bind
	conn    *smpp.Conn
	seq     uint32
	event   event
	m       dialog.Message
	reply   pdu.SubmitSM // addresses already turned around
	task

	// Kept over release.
	submitted func(pdu.PDU, error)
	waits     func()
	addresses []byte
	text      []byte
	tlvs      [3]pdu.TLV
}

var turns sync.Pool

func newTurn() *turn {
	if t, ok := turns.Get().(*turn); ok {
		return t
	}
	t := &turn{addresses: make([]byte, 0, 48), text: make([]byte, 0, 192)}
	t.submitted = func(_ pdu.PDU, err error) { t.channel.submitted(t, err) }
	t.waits = func() { t.channel.lanes.wait(&t.task) }
	t.run = func() { t.channel.run(t) }
	return t
}

// release gives the turn back. Nobody may hold its reply then.
func (t *turn) release() {
	clear(t.text[:cap(t.text)])
	*t = turn{submitted: t.submitted, waits: t.waits, task: task{run: t.run}, addresses: t.addresses[:0], text: t.text[:0]}
	turns.Put(t)
}

// turnAround makes the addresses of a deliver_sm those of its answer.
func (t *turn) turnAround(d *pdu.DeliverSM) {
	t.addresses = append(append(t.addresses[:0], d.DestinationAddr...), d.SourceAddr...)
	n := len(d.DestinationAddr)
	t.reply = pdu.SubmitSM{
		ServiceType:   t.channel.serviceType,
		SourceAddrTON: d.DestAddrTON, SourceAddrNPI: d.DestAddrNPI, SourceAddr: t.addresses[:n:n],
		DestAddrTON: d.SourceAddrTON, DestAddrNPI: d.SourceAddrNPI, DestinationAddr: t.addresses[n:],
		TLVs: t.tlvs[:0],
	}
}
