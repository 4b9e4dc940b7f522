package interop_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

// What the other tests record is what our connections were given and gave. Here
// the system's own capture of the loopback is read, where that is allowed.
func TestCapturedTrafficIsWellFormed(t *testing.T) {
	t.Parallel()
	tshark := need(t, "tshark")
	needNPM(t)
	c := startCentre(t, smpp.Config{})
	file := filepath.Join(t.TempDir(), "captured.pcapng")
	capture := start(t, nil, tshark, "-i", "lo", "-f", fmt.Sprintf("tcp port %d", c.r.port), "-w", file,
		"-P", "-l", "-n", "-d", fmt.Sprintf("tcp.port==%d,smpp", c.r.port), "-T", "fields", "-e", "smpp.command_id", "-E", "aggregator= ")
	for started := false; !started; {
		select {
		case line := <-capture.errs:
			started = strings.Contains(line, "Capture started")
		case <-capture.ended:
			t.Skip("this system lets nobody capture")
		case <-time.After(patience):
			t.Fatal("tshark does not start")
		}
	}
	peer, _ := bindNPM(t, c, "bind_transceiver")
	conn := c.session(t, pdu.IDBindTransceiver)
	const messages = 200
	answered := make(chan error, messages)
	for range messages { // many PDUs to a segment
		m := message{short: []byte(strings.Repeat("x", 100))}
		if err := conn.Go(t.Context(), deliverOf(m), func(_ pdu.PDU, err error) { answered <- err }); err != nil {
			t.Fatal(err)
		}
	}
	for range messages {
		if err := take(t, "deliver_sm_resp", answered); err != nil {
			t.Fatal(err)
		}
	}
	unbind(t, conn)
	peer.closed()

	want := map[pdu.CommandID]int{pdu.IDBindTransceiver: 1, pdu.IDBindTransceiverResp: 1,
		pdu.IDDeliverSM: messages, pdu.IDDeliverSMResp: messages, pdu.IDUnbind: 1, pdu.IDUnbindResp: 1}
	// The kernel hands packets over when it likes: tshark stops when it has shown
	// the last of them.
	for shown := 0; shown < 2*messages+4; {
		shown += len(strings.Fields(capture.line()))
	}
	if err := capture.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-capture.ended
	if got, malformed := dissect(t, file, c.r.port); malformed != "" || !maps.Equal(got, want) {
		t.Errorf("tshark saw %v, malformed:\n%s", got, malformed)
	}
	c.r.check(t)
}
