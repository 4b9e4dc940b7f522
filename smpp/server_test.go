package smpp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

func TestServerTellsOfEachSessionOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began, ended []string
		s := &Server{
			Bind: func(_ context.Context, _ *Conn, b Bind) pdu.Status {
				if b.Password == "wrong" {
					return pdu.StatusInvPaswd
				}
				return 0
			},
			OnBound: func(c *Conn) {
				began = append(began, c.Bound().SystemID)
				if err := c.TryGo(&pdu.DeliverSM{ShortMessage: []byte("welcome")}, nil); err != nil {
					t.Error(err)
				}
			},
			OnClosed: func(c *Conn) { ended = append(ended, c.Bound().SystemID) },
		}
		err := esme(t, s, func(p *smpptest.Peer) error {
			if got, err := p.Bind("a", "right"); err != nil || got.Status != 0 {
				return errors.Join(err, errors.New(got.Status.String()))
			}
			_, err := p.Expect(pdu.IDDeliverSM) // after the bind's response
			return err
		})
		if err != io.EOF {
			t.Errorf("ended with %v", err)
		}
		err = esme(t, s, func(p *smpptest.Peer) error {
			got, err := p.Bind("b", "wrong")
			if err != nil || got.Status != pdu.StatusInvPaswd || got.Body != nil {
				t.Errorf("refused with %v, %v", got, err)
			}
			return p.ExpectEnd()
		})
		if !errors.Is(err, ErrBindRefused) {
			t.Errorf("ended with %v", err)
		}
		if len(began) != 1 || len(ended) != 1 || ended[0] != "a" {
			t.Errorf("began %v, ended %v", began, ended)
		}
	})
}

func TestServerSpeaksToOldPeersInTheirVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for version, tlvs := range map[uint8]int{0x00: 0, 0x33: 0, 0x34: 1, 0x50: 1} {
			var negotiated uint8
			s := &Server{Config: Config{InterfaceVersion: 0x50}, OnBound: func(c *Conn) { negotiated = c.InterfaceVersion() }}
			_ = esme(t, s, func(p *smpptest.Peer) error {
				got, err := p.Ask(&pdu.BindReceiver{InterfaceVersion: version})
				if err == nil && len(got.Body.(*pdu.BindReceiverResp).TLVs) != tlvs {
					t.Errorf("version %#x gets %v", version, got.Body)
				}
				return err
			})
			if negotiated != version {
				t.Errorf("with %#x it is %#x", version, negotiated)
			}
		}
	})
}

func TestShutdownUnbindsAndWaits(t *testing.T) {
	s := &Server{Config: Config{Handler: HandlerFunc(accepting)}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	var conns []*Conn
	for range 5 {
		conns = append(conns, dial(t, l.Addr().String(), testBind, Config{}))
	}
	idle, err := net.Dial("tcp", l.Addr().String()) // never binds
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	if _, err := conns[0].Do(t.Context(), submit("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
	for _, c := range conns {
		<-c.Done()
		if !errors.Is(c.Err(), ErrUnbound) {
			t.Errorf("an ESME ended with %v", c.Err())
		}
	}
	if err := s.Serve(l); !errors.Is(err, ErrClosed) {
		t.Errorf("serving again: %v", err)
	}
	if n := len(s.Conns()); n != 0 {
		t.Errorf("%d sessions left", n)
	}
}

func TestInterfaceVersionIsTheLowerOfBothSides(t *testing.T) {
	for _, tc := range []struct {
		name        string
		ours        uint8
		theirs      []byte // sc_interface_version; nil: none
		want        uint8
		mayAskOf5_0 bool
	}{
		{"both 3.4", 0x34, []byte{0x34}, 0x34, false},
		{"both 5.0", 0x50, []byte{0x50}, 0x50, true},
		{"we are the older", 0x34, []byte{0x50}, 0x34, false},
		{"they are the older", 0x50, []byte{0x34}, 0x34, false},
		{"they name none: 3.3", 0x50, nil, 0x33, false},
		{"they name 3.3", 0x34, []byte{0x33}, 0x33, false},
		{"we are of 3.3", 0x33, []byte{0x50}, 0x33, false},
		{"a version of the wrong length is none", 0x50, []byte{0x50, 0}, 0x33, false},
		{"a version that is not there yet", 0x50, []byte{0x60}, 0x50, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nc, wait := smpptest.Pipe(func(p *smpptest.Peer) error {
					q, err := p.Expect(pdu.IDBindTransceiver)
					if err != nil {
						return err
					}
					if v := q.Body.(*pdu.BindTransceiver).InterfaceVersion; v != tc.ours {
						t.Errorf("the bind says %#x", v)
					}
					resp := &pdu.BindTransceiverResp{SystemID: []byte("MC")}
					if tc.theirs != nil {
						resp.TLVs = pdu.TLVs{{Tag: pdu.TagSCInterfaceVersion, Value: tc.theirs}}
					}
					if err := p.Send(0, q.Sequence, resp); err != nil {
						return err
					}
					if tc.mayAskOf5_0 {
						if q, err = p.Expect(pdu.IDCancelBroadcastSM); err != nil {
							return err
						}
						return p.Send(0, q.Sequence, &pdu.CancelBroadcastSMResp{})
					}
					return p.ExpectEnd()
				})
				c, err := NewConn(t.Context(), nc, Bind{SystemID: "nyota", InterfaceVersion: tc.ours}, Config{EnquireInterval: -1})
				if err != nil {
					t.Fatal(err)
				}
				if v := c.InterfaceVersion(); v != tc.want {
					t.Errorf("agreed on %#x, want %#x", v, tc.want)
				}
				_, err = c.Do(t.Context(), &pdu.CancelBroadcastSM{MessageID: []byte("1")})
				if tc.mayAskOf5_0 && err != nil || !tc.mayAskOf5_0 && (!errors.Is(err, ErrNotSent) || !errors.Is(err, ErrVersion)) {
					t.Errorf("a request of 5.0: %v", err)
				}
				_ = c.Close()
				<-c.Done()
				if err := wait(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Config: Config{EnquireInterval: -1}}
		nc, wait := smpptest.Pipe(func(p *smpptest.Peer) error {
			if _, err := p.Bind("deaf", ""); err != nil {
				return err
			}
			p.Timeout = time.Hour
			return p.ExpectEnd()
		})
		go func() { _ = s.ServeConn(nc) }()
		synctest.Wait()
		if n := len(s.Conns()); n != 1 {
			t.Errorf("%d sessions", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestServerTakesNoMoreThanItsConnections(t *testing.T) {
	s := &Server{MaxConns: 2, Config: Config{Handler: HandlerFunc(accepting)}}
	addr := serve(t, s)
	a, b := dial(t, addr, testBind, Config{}), dial(t, addr, testBind, Config{})
	if _, err := Dial(t.Context(), addr, testBind, Config{}); err == nil {
		t.Error("a third one is bound")
	}
	for _, c := range []*Conn{a, b} {
		if _, err := c.Do(t.Context(), submit("x")); err != nil {
			t.Error(err)
		}
	}
	if err := a.Unbind(t.Context()); err != nil {
		t.Error(err)
	}
	for len(s.stop(false)) > 1 { // the server's side ends a moment later
		time.Sleep(time.Millisecond)
	}
	dial(t, addr, testBind, Config{})
}

// flaky fails some accepts the way a process without file descriptors does.
type flaky struct {
	net.Listener
	left atomic.Int32
}

type passing struct{ error }

func (passing) Temporary() bool { return true }

func (f *flaky) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, passing{errors.New("too many open files")}
	}
	return f.Listener.Accept()
}

func TestServerOutlivesFailedAccepts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: l}
	f.left.Store(3)
	s := &Server{}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(f) }()
	dial(t, l.Addr().String(), testBind, Config{})
	_ = s.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// certificates returns those of a server for 127.0.0.1 and of a client, and the
// pool that knows both.
func certificates(t *testing.T) (server, client tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	pool = x509.NewCertPool()
	made := make([]tls.Certificate, 2)
	for i := range made {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: []string{"mc", "nyota"}[i]},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		pool.AddCert(leaf)
		made[i] = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	return made[0], made[1], pool
}

func TestMutualTLS(t *testing.T) {
	server, client, pool := certificates(t)
	var seen atomic.Value
	s := &Server{
		Config: Config{Handler: HandlerFunc(accepting), TLS: &tls.Config{Certificates: []tls.Certificate{server},
			ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}},
		Bind: func(_ context.Context, c *Conn, _ Bind) pdu.Status {
			if cs, ok := c.TLS(); ok {
				seen.Store(cs.PeerCertificates[0].Subject.CommonName)
			}
			return 0
		},
	}
	addr := serve(t, s)
	c := dial(t, addr, testBind, Config{TLS: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{client}}})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 20 {
				if _, err := c.Do(context.Background(), submit("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if seen.Load() != "nyota" {
		t.Errorf("the server saw %v", seen.Load())
	}
	if err := c.Unbind(t.Context()); err != nil {
		t.Errorf("unbind: %v", err)
	}
	var unknown x509.UnknownAuthorityError
	if _, err := Dial(t.Context(), addr, testBind, Config{TLS: &tls.Config{}}); !errors.As(err, &unknown) {
		t.Errorf("a server of nobody's: %v", err)
	}
	if _, err := Dial(t.Context(), addr, testBind, Config{TLS: &tls.Config{RootCAs: pool}}); err == nil {
		t.Error("bound without a certificate")
	}
	if _, err := Dial(t.Context(), addr, testBind, Config{SessionInitTimeout: 500 * time.Millisecond}); err == nil {
		t.Error("bound without TLS")
	}
}
