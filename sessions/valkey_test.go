package sessions_test

import (
	"fmt"
	"testing"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

func openValkey(t testing.TB, opts sessions.ValkeyOptions) *sessions.Valkey {
	t.Helper()
	v, err := sessions.OpenValkey(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestValkeyStore(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	n := 0
	storetest.Run(t, func(t *testing.T) (sessions.Store, func() sessions.Store, *storetest.Clock) {
		clock := storetest.NewClock()
		n++
		opts := sessions.ValkeyOptions{Addresses: []string{server.Addr}, Prefix: fmt.Sprint("t", n, ":"), Now: clock.Now}
		v := openValkey(t, opts)
		return v, func() sessions.Store {
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			server.Restart(t)
			return openValkey(t, opts)
		}, clock
	})
}
