package menus

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Where a state of one of the first 128 screens has what a test changes.
const (
	atVersion = 0
	atFlags   = 8
	atNote    = 9
	atHints   = 10
)

// field is one that a later release may write behind a state.
func field(tag byte, value string) string {
	return string(append([]byte{tag, byte(len(value))}, value...))
}

// rewrite changes the state as another release would have written it.
func (k *talk) rewrite(change func(b []byte) []byte) {
	k.t.Helper()
	k.state = change(slices.Clone(k.state))
	if err := k.turn.State.UnmarshalBinary(k.state); err != nil {
		k.t.Fatal(err)
	}
}

// walletAt is a dialogue on a narrow channel, where screens have pages.
func walletAt(t *testing.T, script string) *talk {
	t.Helper()
	p, _ := wallet(t).Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}, limits: Limits{Septets: 120, UCS2: 60}}
	k.begin("en")
	if script != "" {
		k.play(script)
	}
	return k
}

func TestWhatALaterReleaseAddsToAStateIsKept(t *testing.T) {
	stays, goes := field(1, "sms"), field(fieldScreen|1, "scrolled")
	k := walletAt(t, "1|0700000002")
	k.rewrite(func(b []byte) []byte {
		b[atHints] = 0x81
		return append(b, stays+goes+field(2, "")...)
	})
	written := k.state
	if again, _ := k.turn.State.MarshalBinary(); !bytes.Equal(again, written) {
		t.Fatalf("written again without a step it is\n%x, was\n%x", again, written)
	}
	k.step(k.input(Show))
	if !bytes.Equal(k.state, written) {
		t.Errorf("shown again it is\n%x, was\n%x", k.state, written)
	}
	for word := range strings.SplitSeq("12|5000|@done name=ASHA JUMA|@done fee=50|0|00|1", "|") {
		k.do(word)
		if k.state[atHints] != 0x01 || !bytes.HasSuffix(k.state, []byte(stays+field(2, ""))) || bytes.Contains(k.state, []byte("scrolled")) {
			t.Fatalf("after %q: %x", word, k.state)
		}
	}
	k.want("send_to", "")
}

func TestM6WhatALaterReleaseSealedForAScreenIsNotKeptForARedial(t *testing.T) {
	p, _ := wallet(t).Program("agent")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("en")
	k.play("1|0700000002")
	k.rewrite(func(b []byte) []byte {
		b[atHints] = 0x11
		return append(b, field(fieldScreen, "a second secret")+field(0, "ussd")...)
	})
	kept, ok := p.Dropped(k.turn.State)
	b, _ := kept.MarshalBinary()
	if !ok || bytes.Contains(b, []byte("secret")) || !bytes.HasSuffix(b, []byte(field(0, "ussd"))) || b[atHints] != 0x01 {
		t.Errorf("kept: %v %x", ok, b)
	}
}

func TestAnUnknownNoteIsNone(t *testing.T) {
	plain := walletAt(t, "6|8642|@done rows")
	k := walletAt(t, "6|8642|@done rows")
	k.rewrite(func(b []byte) []byte { b[atNote] = 200; return b })
	written := k.state
	k.step(k.input(Show))
	if k.turn.Screen != plain.turn.Screen || !bytes.Equal(k.state, written) {
		t.Errorf("%q and state\n%x, was\n%x", k.turn.Screen.Text, k.state, written)
	}
	// The note took room: the next page may begin where the customer has not read
	// to.
	k.do("98")
	if k.turn.Screen != plain.turn.Screen {
		t.Errorf("the next page: %q", k.turn.Screen.Text)
	}
	k.do("98")
	plain.do("98")
	if k.turn.Screen != plain.turn.Screen || k.turn.Screen.Page != 2 {
		t.Errorf("then: %q", k.turn.Screen.Text)
	}
}

func TestWhatMustBeUnderstoodIsNoState(t *testing.T) {
	good := walletAt(t, "1").state
	for _, tt := range []struct {
		name   string
		change func(b []byte) []byte
	}{
		{"another version", func(b []byte) []byte { b[atVersion]++; return b }},
		{"an unknown flag", func(b []byte) []byte { b[atFlags] |= 0x40; return b }},
		{"another unknown flag", func(b []byte) []byte { b[atFlags] |= 0x80; return b }},
		{"a field that must be understood", func(b []byte) []byte { return append(b, field(1, "x")+field(fieldMust, "")...) }},
		{"a field that is cut", func(b []byte) []byte { return append(b, 1, 5, 'x') }},
		{"a tag alone", func(b []byte) []byte { return append(b, 1) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := State{lang: "as it was"}
			if err := st.UnmarshalBinary(tt.change(slices.Clone(good))); err == nil || st.lang != "as it was" {
				t.Errorf("%v, %+v", err, st)
			}
		})
	}
}

// A later release asks something that this one does not know.
func unclear(t *testing.T, k *talk) {
	t.Helper()
	st := k.turn.State
	st.ask = &asking{kind: askCount, option: 3, call: "consent", said: []Earlier{transferBefore(Done)}}
	b, err := st.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	k.rewrite(func([]byte) []byte { return b })
	if again, _ := k.turn.State.MarshalBinary(); !bytes.Equal(again, b) || !k.turn.State.Unclear() || k.turn.State.Said() != nil {
		t.Fatalf("read as %+v", k.turn.State)
	}
}

func TestM9AnAnswerToAnUnknownQuestionAnswersNothing(t *testing.T) {
	for _, tt := range []struct{ script, key, screen string }{
		{"", "1", "home"},
		{"1|0700000002", "5000", "send_amount"},
		{"1|0700000002|5000|@down|@down", testPIN, "send_pin"},
		{"5|8642|@down", "1", "balance_away"},
		{"6|8642|@done rows|98", "98", "statement_show"},
	} {
		for _, waiting := range []bool{false, true} {
			k := walletAt(t, tt.script)
			first := k.turn.Screen
			if first.Page > 1 { // from its start
				k.do("0")
				first = k.turn.Screen
				k.do("98")
			}
			if waiting {
				k.turn.State.flags |= flagWaiting
			}
			unclear(t, k)
			if k.turn.State.Waiting() {
				t.Error("what nobody here can answer is waited for")
			}
			k.do(tt.key)
			if k.turn.Call != nil || k.turn.Screen != first || k.turn.State.Unclear() {
				t.Errorf("%q: the answer to an unknown question leads to %+v, want %+v", tt.script, k.turn, first)
			}
			sealed := len(k.turn.State.sealed)
			k.do("77") // and the next key is an answer again
			if k.turn.Screen == first || len(k.turn.State.sealed) != sealed {
				t.Errorf("%q: the screen answers nothing: %+v", tt.script, k.turn.Screen)
			}
		}
	}
}

func TestAnUnknownQuestionAboutACallEndsTheDialogue(t *testing.T) {
	k, _ := toTheCall(t, "en")
	for _, waiting := range []stateFlags{0, flagWaiting} {
		k.turn.State.flags = waiting
		unclear(t, k)
		for _, kind := range []InputKind{Keys, Show, Answer, Doubt} {
			in := k.input(kind)
			in.Text, in.Result.Outcome = "1", Done
			if _, err := k.p.Step(k.turn.State, in); !errors.Is(err, ErrState) {
				t.Errorf("input %d: %v", kind, err)
			}
		}
	}
}
