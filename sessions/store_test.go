package sessions_test

import (
	"testing"

	"go.uber.org/goleak"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

func TestMain(m *testing.M) {
	crashChild() // never returns in the process that is to be killed
	goleak.VerifyTestMain(m,
		// Pauses of the client library, of one second after a failed connect and
		// of five before it drops a cluster's old connections. They end by themselves.
		goleak.IgnoreAnyFunction("github.com/valkey-io/valkey-go.(*call).DelayDo.func1"),
		goleak.IgnoreAnyFunction("github.com/valkey-io/valkey-go.(*clusterClient)._refresh.func2"))
}

func TestEmbeddedStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (sessions.Store, func() sessions.Store, *storetest.Clock) {
		clock := storetest.NewClock()
		dir := t.TempDir()
		open := func() sessions.Store {
			s, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{Now: clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			return s
		}
		s := open()
		return s, func() sessions.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open()
		}, clock
	})
}
