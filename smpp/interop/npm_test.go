package interop_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// object is a PDU as npm's smpp understood it, or is to send it.
type object = map[string]any

// npmEvent is a line of peer.js.
type npmEvent struct {
	Event string
	ID    int
	PDU   object
	Error string
}

// npm is a peer of npm's smpp in either role.
type npm struct {
	*process
	id      int
	backlog []npmEvent // read on the way to another
}

// needNPM returns the paths of node and of the folder that npm's smpp is in.
func needNPM(t *testing.T) (node, peers string) {
	t.Helper()
	node = need(t, "node")
	if peers = os.Getenv("NYOTA_PEERS"); peers == "" {
		var err error
		if peers, err = filepath.Abs(filepath.Join("..", "..", ".ci", "cache", "peers")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(peers, "node_modules", "smpp")); err != nil {
		missing(t, "npm's smpp")
	}
	return node, peers
}

func startNPM(t *testing.T) *npm {
	t.Helper()
	node, peers := needNPM(t)
	return &npm{process: start(t, []string{"NYOTA_PEERS=" + peers}, node, script(t, "peer.js"))}
}

// listenNPM starts npm's smpp as a message centre.
func listenNPM(t *testing.T, port int) *npm {
	t.Helper()
	n := startNPM(t)
	n.tell(object{"listen": port})
	n.find("listening", func(e npmEvent) bool { return e.Event == "listening" })
	return n
}

// connectNPM starts npm's smpp as an ESME that is not bound yet.
func connectNPM(t *testing.T, port int) *npm {
	t.Helper()
	n := startNPM(t)
	n.tell(object{"connect": port})
	n.find("connected", func(e npmEvent) bool { return e.Event == "connected" })
	return n
}

func (n *npm) tell(o object) {
	n.t.Helper()
	line, err := json.Marshal(o)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		n.t.Fatal(err)
	}
}

// find returns the next event that matches. Others stay for later.
func (n *npm) find(what string, match func(npmEvent) bool) npmEvent {
	n.t.Helper()
	for i, e := range n.backlog {
		if match(e) {
			n.backlog = append(n.backlog[:i], n.backlog[i+1:]...)
			return e
		}
	}
	for {
		var e npmEvent
		line := n.line()
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			n.t.Fatalf("%v: %s", err, line)
		}
		if e.Event == "error" {
			n.t.Fatalf("npm's smpp, on the way to %s: %s", what, e.Error)
		}
		if match(e) {
			return e
		}
		n.backlog = append(n.backlog, e)
	}
}

// request returns the next request of a kind that came to the peer.
func (n *npm) request(command string) object {
	n.t.Helper()
	return n.find(command, func(e npmEvent) bool { return e.Event == "pdu" && e.PDU["command"] == command }).PDU
}

// send lets the peer send a request; reply returns its response.
func (n *npm) send(command string, p object) (id int) {
	n.t.Helper()
	n.id++
	n.tell(object{"id": n.id, "send": command, "pdu": p})
	return n.id
}

func (n *npm) reply(id int) object {
	n.t.Helper()
	return n.find("the reply", func(e npmEvent) bool { return e.Event == "reply" && e.ID == id }).PDU
}

func (n *npm) do(command string, p object) object {
	n.t.Helper()
	return n.reply(n.send(command, p))
}

func (n *npm) closed() {
	n.t.Helper()
	n.find("the end", func(e npmEvent) bool { return e.Event == "closed" })
}

func octets(b []byte) object { return object{"hex": hex.EncodeToString(b)} }

// at returns what is at a path in an object, nil if there is nothing.
func at(v any, path ...string) any {
	for _, k := range path {
		o, _ := v.(object)
		v = o[k]
	}
	return v
}

// octetsAt is at for octets.
func octetsAt(t *testing.T, v any, path ...string) []byte {
	t.Helper()
	s, _ := at(v, append(path, "hex")...).(string)
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// has compares some fields of a PDU that npm's smpp understood.
func has(t *testing.T, got, want object) {
	t.Helper()
	for k, w := range want {
		if n, ok := w.(int); ok {
			w = float64(n) // JSON knows no other
		}
		a, errA := json.Marshal(got[k])
		b, errB := json.Marshal(w)
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("%s: %s is %s, want %s", got["command"], k, a, b)
		}
	}
}
