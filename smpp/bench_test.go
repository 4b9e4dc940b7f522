package smpp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nyota/smpp/pdu"
)

// The peer of the benchmarks is a process of its own: this test binary, started
// again with benchPeer in its environment. It prints its address and ends with
// its standard input.
const benchPeer = "NYOTA_SMPP_BENCH_PEER"

// benchResponse is what the peer answers to every submit_sm.
var benchResponse = &pdu.SubmitSMResp{MessageID: []byte("0123456789")}

func TestBenchmarkPeer(t *testing.T) {
	kind := os.Getenv(benchPeer)
	if kind == "" {
		t.Skip("it is the other side of the benchmarks")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("address " + l.Addr().String())
	if kind == "echo" {
		go func() {
			for {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(struct{ io.Writer }{nc}, struct{ io.Reader }{nc}); _ = nc.Close() }()
			}
		}()
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = l.Close()
		return
	}
	s := &Server{Config: Config{Handler: HandlerFunc(func(context.Context, *Conn, pdu.PDU) (pdu.Body, pdu.Status) {
		return benchResponse, 0
	})}}
	go func() { _ = s.Serve(l) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Close()
}

// startPeer starts the other side and returns its address.
func startPeer(b *testing.B, kind string) string {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBenchmarkPeer$", "-test.v")
	cmd.Env = append(os.Environ(), benchPeer+"="+kind)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if addr, ok := strings.CutPrefix(lines.Text(), "address "); ok {
			return addr
		}
	}
	b.Fatal("the peer gave no address")
	return ""
}

func benchSubmit() *pdu.SubmitSM {
	return &pdu.SubmitSM{
		ServiceType: []byte("USSD"), SourceAddrTON: 5, SourceAddr: []byte("NYOTA"), DestAddrTON: 1, DestAddrNPI: 1,
		DestinationAddr: []byte("255700000001"), DataCoding: 0x0F,
		ShortMessage: []byte("1. Send money\n2. Buy airtime\n3. Pay bill\n4. Withdraw cash\n5 More"),
		TLVs:         pdu.TLVs{{Tag: 0x0501, Value: []byte{2}}, {Tag: 0x1383, Value: []byte{7, 2}}},
	}
}

// shapes runs bench over the numbers of binds and the windows.
func shapes(b *testing.B, bench func(b *testing.B, binds, window int)) {
	for _, binds := range []int{1, 4} {
		for _, window := range []int{1, 10, 100} {
			b.Run(fmt.Sprintf("binds=%d/window=%d", binds, window), func(b *testing.B) { bench(b, binds, window) })
		}
	}
}

func rate(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// processorTime is what this process has used of the processors. Unlike the time on
// the clock it says the same beside other processes.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// share hands out b.N operations among workers.
func share(b *testing.B, workers int, work func(worker int, more func() bool)) {
	var left atomic.Int64
	left.Store(int64(b.N))
	more := func() bool { return left.Add(-1) >= 0 }
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	for i := range workers {
		wg.Go(func() { work(i, more) })
	}
	wg.Wait()
	b.StopTimer()
	rate(b)
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func bindAll(b *testing.B, binds, window int) []*Conn {
	addr := startPeer(b, "smpp")
	conns := make([]*Conn, binds)
	for i := range conns {
		conns[i] = dial(b, addr, testBind, Config{Window: window})
	}
	return conns
}

// BenchmarkDo has as many callers as slots: each waits for its response.
func BenchmarkDo(b *testing.B) {
	shapes(b, func(b *testing.B, binds, window int) {
		conns := bindAll(b, binds, window)
		body := benchSubmit()
		share(b, binds*window, func(worker int, more func() bool) {
			c := conns[worker%binds]
			for more() {
				if _, err := c.Do(context.Background(), body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkPoolDo is BenchmarkDo with a Pool that chooses the bind.
func BenchmarkPoolDo(b *testing.B) {
	shapes(b, func(b *testing.B, binds, window int) {
		addr := startPeer(b, "smpp")
		bound := make(chan struct{}, binds)
		var links []PoolLink
		for i := range binds {
			links = append(links, PoolLink{Link: NewLink(LinkConfig{Name: strconv.Itoa(i), Addr: addr, Bind: testBind,
				Config: Config{Window: window}, OnState: func(s LinkState) {
					if s.Bound {
						bound <- struct{}{}
					}
				}})})
		}
		p, err := NewPool(PoolConfig{Links: links})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		b.Cleanup(func() { cancel(); <-ended })
		for range binds {
			<-bound
		}
		body := benchSubmit()
		share(b, binds*window, func(_ int, more func() bool) {
			for more() {
				if _, err := p.Do(context.Background(), Route{Service: ServiceUSSD}, body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkGo has one caller per bind, which never waits for a response.
func BenchmarkGo(b *testing.B) {
	shapes(b, func(b *testing.B, binds, window int) {
		conns := bindAll(b, binds, window)
		body := benchSubmit()
		share(b, binds, func(worker int, more func() bool) {
			c := conns[worker]
			var answers sync.WaitGroup
			done := func(_ pdu.PDU, err error) {
				if err != nil {
					b.Error(err)
				}
				answers.Done()
			}
			for more() {
				answers.Add(1)
				if err := c.Go(context.Background(), body, done); err != nil {
					b.Error(err)
					return
				}
			}
			answers.Wait()
		})
	})
}

// BenchmarkEcho is the limit beside which the others stand: the octets of as many
// requests as the window has slots, written at once and echoed by a peer that
// does not look at them.
func BenchmarkEcho(b *testing.B) {
	shapes(b, func(b *testing.B, binds, window int) {
		addr := startPeer(b, "echo")
		wire, err := pdu.AppendPDU(nil, 0, 1, benchSubmit())
		if err != nil {
			b.Fatal(err)
		}
		conns := make([]net.Conn, binds)
		for i := range conns {
			if conns[i], err = net.Dial("tcp", addr); err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = conns[i].Close() })
		}
		share(b, binds, func(worker int, more func() bool) {
			buf, back := []byte(nil), make([]byte, window*len(wire))
			for again := true; again; {
				buf = buf[:0]
				for len(buf) < window*len(wire) {
					if again = more(); !again {
						break
					}
					buf = append(buf, wire...)
				}
				if _, err := conns[worker].Write(buf); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(conns[worker], back[:len(buf)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
