package core

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTokenIsFetchedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetched atomic.Int32
		tokens := NewTokens(TokensConfig{Fetch: func(context.Context) (string, time.Duration, error) {
			time.Sleep(time.Second)
			return strconv.Itoa(int(fetched.Add(1))), time.Hour, nil
		}})
		defer tokens.Close()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if token, err := tokens.Get(t.Context()); err != nil || token != "1" {
					t.Errorf("%q, %v", token, err)
				}
			})
		}
		// One who cannot wait leaves the others their fetch.
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := tokens.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wg.Wait()
		time.Sleep(59*time.Minute + 30*time.Second)
		for range 3 { // it still holds, and is renewed behind the callers
			if token, err := tokens.Get(t.Context()); err != nil || token != "1" {
				t.Errorf("%q, %v", token, err)
			}
		}
		time.Sleep(2 * time.Second)
		if token, err := tokens.Get(t.Context()); err != nil || token != "2" || fetched.Load() != 2 {
			t.Errorf("%q after %d fetches, %v", token, fetched.Load(), err)
		}
		tokens.Drop("1") // an old one: nothing happens
		tokens.Drop("2")
		if token, err := tokens.Get(t.Context()); err != nil || token != "3" {
			t.Errorf("%q, %v", token, err)
		}
	})
}

func TestTokenThatCannotBeFetchedIsTriedAgain(t *testing.T) {
	var fetched int
	tokens := NewTokens(TokensConfig{Fetch: func(context.Context) (string, time.Duration, error) {
		if fetched++; fetched == 1 {
			return "", 0, errors.New("away")
		}
		return "t", time.Minute, nil
	}})
	if _, err := tokens.Get(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if token, err := tokens.Get(t.Context()); err != nil || token != "t" {
		t.Errorf("%q, %v", token, err)
	}
	tokens.Close()
	tokens.Drop("t")
	if _, err := tokens.Get(t.Context()); err == nil {
		t.Error("a closed one fetched")
	}
}
