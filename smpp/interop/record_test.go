package interop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/smpp/pdu"
)

// recorder keeps what passes over connections of ours, in both directions.
type recorder struct {
	port int // of the message centre

	mu    sync.Mutex
	parts []part
	conns int
}

// part is some octets that passed at once.
type part struct {
	conn int
	down bool // from the message centre to the ESME
	at   time.Time
	data []byte
}

// recorded is a connection whose octets are kept.
type recorded struct {
	net.Conn
	r          *recorder
	id         int
	readsFirst bool // we are the message centre: what we read goes up
}

func (r *recorder) wrap(nc net.Conn, server bool) net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
	return &recorded{nc, r, r.conns, server}
}

func (r *recorder) add(conn int, down bool, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, part{conn, down, time.Now(), bytes.Clone(data)})
}

func (c *recorded) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.r.add(c.id, !c.readsFirst, b[:n])
	}
	return n, err
}

func (c *recorded) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if n > 0 {
		c.r.add(c.id, c.readsFirst, b[:n])
	}
	return n, err
}

// dial is for LinkConfig.Dial and smpp.NewConn.
func (r *recorder) dial(ctx context.Context, addr string) (net.Conn, error) {
	nc, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return r.wrap(nc, false), nil
}

// recordingListener records all connections of a message centre.
type recordingListener struct {
	net.Listener
	r *recorder
}

func (l recordingListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.r.wrap(nc, true), nil
}

// stream is one direction of one connection.
type stream struct {
	conn int
	down bool
}

// frames returns the whole PDUs of each stream in their order. What a killed peer
// left unfinished is not among them.
func (r *recorder) frames(t *testing.T) map[stream][][]byte {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	streams := map[stream][]byte{}
	for _, p := range r.parts {
		s := stream{p.conn, p.down}
		streams[s] = append(streams[s], p.data...)
	}
	all := map[stream][][]byte{}
	for s, b := range streams {
		for len(b) >= 4 {
			n := binary.BigEndian.Uint32(b)
			if n < pdu.HeaderLen {
				t.Fatalf("%+v: a PDU of %d octets", s, n)
			}
			if uint64(n) > uint64(len(b)) {
				break
			}
			all[s], b = append(all[s], b[:n]), b[n:]
		}
	}
	return all
}

// count returns how many PDUs of an id passed so far in one direction.
func (r *recorder) count(t *testing.T, id pdu.CommandID, down bool) int {
	t.Helper()
	n := 0
	for s, frames := range r.frames(t) {
		for _, f := range frames {
			if s.down == down && binary.BigEndian.Uint32(f[4:]) == uint32(id) {
				n++
			}
		}
	}
	return n
}

// check holds all that was recorded against our codec and Wireshark's. Call it
// when the connections are over.
func (r *recorder) check(t *testing.T) {
	t.Helper()
	frames := slices.Concat(slices.Collect(maps.Values(r.frames(t)))...)
	t.Run("every PDU decodes and encodes to the same octets", func(t *testing.T) {
		if len(frames) == 0 {
			t.Fatal("nothing was recorded")
		}
		for _, f := range frames {
			p, err := pdu.Decode(f)
			if err != nil {
				t.Errorf("%x: %v", f, err)
				continue
			}
			if got, err := p.Append(nil); err != nil || !bytes.Equal(got, f) {
				t.Errorf("%s: %v\n got %x\nwant %x", p.ID, err, got, f)
			}
		}
	})
	t.Run("tshark finds every PDU and none malformed", func(t *testing.T) {
		want := map[pdu.CommandID]int{}
		for _, f := range frames {
			want[pdu.CommandID(binary.BigEndian.Uint32(f[4:]))]++
		}
		file := filepath.Join(t.TempDir(), "recorded.pcap")
		if err := os.WriteFile(file, r.pcap(), 0o600); err != nil {
			t.Fatal(err)
		}
		got, malformed := dissect(t, file, r.port)
		if !maps.Equal(got, want) {
			t.Errorf("tshark saw %v, passed have %v", got, want)
		}
		if malformed != "" {
			t.Errorf("malformed:\n%s", malformed)
		}
	})
}

// dissect lets tshark read a capture. It returns the PDUs that were found, and
// what was found wrong with packets.
func dissect(t *testing.T, file string, port int) (ids map[pdu.CommandID]int, malformed string) {
	t.Helper()
	tshark := need(t, "tshark")
	run := func(args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, tshark, append([]string{"-r", file, "-n",
			"-d", fmt.Sprintf("tcp.port==%d,smpp", port)}, args...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark %v: %v\n%s", args, err, &stderr)
		}
		return string(out)
	}
	ids = map[pdu.CommandID]int{}
	out := run("-Y", "smpp", "-T", "fields", "-e", "smpp.command_id", "-E", "occurrence=a", "-E", "aggregator= ")
	for _, f := range strings.Fields(out) {
		id, err := strconv.ParseUint(f, 0, 32)
		if err != nil {
			t.Fatalf("tshark printed %q for a command_id", f)
		}
		ids[pdu.CommandID(id)]++
	}
	return ids, run("-Y", "_ws.malformed || smpp.command_length < 16")
}

// pcap returns what was recorded as a capture file of IPv4 packets. Addresses and
// ports are made up, but for the message centre's port; checksums are left 0.
func (r *recorder) pcap() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	const linkTypeIPv4, snapLen, segment = 228, 65535, 1400
	le := binary.LittleEndian
	out := le.AppendUint32(nil, 0xA1B2C3D4) // times in microseconds
	out = le.AppendUint16(out, 2)
	out = le.AppendUint16(out, 4)
	out = append(out, make([]byte, 8)...)
	out = le.AppendUint32(out, snapLen)
	out = le.AppendUint32(out, linkTypeIPv4)

	seqs := map[stream]uint32{}
	packet := func(at time.Time, s stream, flags byte, data []byte) {
		other := stream{s.conn, !s.down}
		local, src, dst := []byte{127, 0, 0, 1}, 49152+s.conn, r.port
		if s.down {
			src, dst = dst, src
		}
		be := binary.BigEndian
		ip := []byte{0x45, 0}
		ip = be.AppendUint16(ip, uint16(40+len(data)))
		ip = append(ip, 0, 0, 0x40, 0, 64, 6, 0, 0)
		ip = append(append(ip, local...), local...)
		ip = be.AppendUint16(ip, uint16(src))
		ip = be.AppendUint16(ip, uint16(dst))
		ip = be.AppendUint32(ip, seqs[s])
		ip = be.AppendUint32(ip, seqs[other])
		ip = append(ip, 5<<4, flags, 0xFF, 0xFF, 0, 0, 0, 0)
		ip = append(ip, data...)

		out = le.AppendUint32(out, uint32(at.Unix()))
		out = le.AppendUint32(out, uint32(at.Nanosecond()/1000))
		out = le.AppendUint32(out, uint32(len(ip)))
		out = le.AppendUint32(out, uint32(len(ip)))
		out = append(out, ip...)
		seqs[s] += uint32(len(data))
	}
	const syn, push, ack = 0x02, 0x08, 0x10
	opened := map[int]bool{}
	for _, p := range r.parts {
		up, down := stream{p.conn, false}, stream{p.conn, true}
		if !opened[p.conn] {
			opened[p.conn] = true
			packet(p.at, up, syn, nil)
			seqs[up]++
			packet(p.at, down, syn|ack, nil)
			seqs[down]++
			packet(p.at, up, ack, nil)
		}
		for data := p.data; len(data) > 0; {
			n := min(len(data), segment)
			packet(p.at, stream{p.conn, p.down}, push|ack, data[:n])
			data = data[n:]
		}
	}
	return out
}

// The checks above would pass over a capture in which tshark sees nothing, or
// does not mind what it sees.
func TestTheDissectorFindsWhatIsWrong(t *testing.T) {
	need(t, "tshark")
	whole, err := pdu.AppendPDU(nil, 0, 7, &pdu.SubmitSM{SourceAddr: []byte("1"), DestinationAddr: []byte("2"), ShortMessage: []byte("hello")})
	if err != nil {
		t.Fatal(err)
	}
	cut := append([]byte(nil), whole[:len(whole)-3]...) // sm_length says 5, 2 are there
	binary.BigEndian.PutUint32(cut, uint32(len(cut)))
	for _, c := range []struct {
		name   string
		octets []byte
		bad    bool
		found  int
	}{
		{"two whole PDUs at once", append(append([]byte(nil), whole...), whole...), false, 2},
		{"a short_message beyond the PDU's end", cut, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{port: 2775}
			r.add(1, false, c.octets)
			file := filepath.Join(t.TempDir(), "made.pcap")
			if err := os.WriteFile(file, r.pcap(), 0o600); err != nil {
				t.Fatal(err)
			}
			ids, malformed := dissect(t, file, r.port)
			if (malformed != "") != c.bad || ids[pdu.IDSubmitSM] != c.found {
				t.Errorf("found %v, malformed %q", ids, malformed)
			}
		})
	}
}
