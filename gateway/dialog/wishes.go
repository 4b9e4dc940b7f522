package dialog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

const (
	wishLease  = 10 * time.Second
	wishFirst  = time.Minute      // a service that is only short of breath is back by then, and nobody needs an SMS
	wishPause  = time.Minute      // until a wish is looked at again whose service is still away; and up to twice that
	sameWithin = 10 * time.Minute // the same balance goes out once in this time

	// longestAway bounds the known end of an absence that wishes outlive: whoever
	// is said to be away for longer is not waited for.
	longestAway = 30 * 24 * time.Hour
)

// local answers a call by itself, if it is one that the core has no part in.
func (t *Turn) local(ctx context.Context, call *menus.Call) (menus.Result, bool) {
	var err error
	r := menus.Result{Outcome: menus.Done}
	switch call.Name {
	case menus.CallTell:
		err = t.wish(ctx, call)
	case menus.CallLastBalance:
		r, err = t.lastBalance(ctx)
	default:
		return menus.Result{}, false
	}
	if err != nil {
		t.d.Log.Warn("a call could not be answered", "call", call.Name, "err", err)
		return menus.Result{Outcome: menus.Down}, true
	}
	return r, true
}

// wish notes, durably and once, that the customer wants to be told when a call
// can be made again.
func (t *Turn) wish(ctx context.Context, call *menus.Call) error {
	d := t.d
	name, now := "", d.Now()
	for _, a := range call.Args {
		if a.Name == "call" {
			name = a.Text
		}
	}
	end := now // of the absence, if anybody knows it
	if why, down := d.unavailable(name); down && why.Until.After(end) {
		if end = why.Until; end.Sub(now) > longestAway {
			end = now.Add(longestAway)
		}
	}
	w, err := d.Store.Wish(ctx, t.m.Key.MSISDN, name)
	switch {
	case err != nil && !errors.Is(err, sessions.ErrNotFound):
		return err
	case err == nil && !w.Granted && w.Expires.After(end):
		return nil // noted already
	}
	w.MSISDN, w.Call, w.Granted, w.Code, w.Language = t.m.Key.MSISDN, name, false, t.code(), t.turn.State.Language()
	w.Asked, w.Expires, w.Due = now, end.Add(d.TellWithin), now.Add(wishFirst)
	if err := d.Store.Put(ctx, &w); err != nil && !errors.Is(err, sessions.ErrConflict) {
		return err
	}
	return nil // who was faster asked for the same
}

// lastBalance sends the last known balance by SMS, to the customer's own number
// and nowhere else: without the core nobody can tell whose PIN was typed, if any,
// so that the screen may not show it. It is one that an SMS has told already. Who
// asks again soon is told when it was sent.
func (t *Turn) lastBalance(ctx context.Context) (menus.Result, error) {
	d, now := t.d, t.now()
	c, err := d.Store.Customer(ctx, t.m.Key.MSISDN)
	if err != nil && !errors.Is(err, sessions.ErrNotFound) {
		return menus.Result{}, err
	}
	if c.Balance == "" {
		return menus.Result{Outcome: menus.Rejected, Reason: "other"}, nil
	}
	text := t.catalog.Text("notice_balance", t.turn.State.Language(), menus.Value{Name: "balance", Text: c.Balance},
		menus.Value{Name: "at", Text: c.BalanceAt.In(d.Zone).Format(time.RFC3339)})
	n := notice(c.MSISDN, fmt.Sprintf("balance/%d/%d", c.BalanceAt.UnixMicro(), now.Unix()/int64(sameWithin.Seconds())), text, now)
	err = d.Store.Put(ctx, n)
	if err == nil {
		return menus.Result{Outcome: menus.Done}, nil
	}
	if !errors.Is(err, sessions.ErrConflict) {
		return menus.Result{}, err
	}
	before, err := d.Store.Notice(ctx, n.Owner, n.ID)
	switch {
	case err != nil || before.State == sessions.NoticeFailed: // that one does not come, and a second one not so soon
		return menus.Result{Outcome: menus.Down}, err
	case before.State == sessions.NoticeSubmitted:
		at := before.Created.In(d.Zone).Format(time.RFC3339)
		return menus.Result{Outcome: menus.Done, Fields: []menus.Value{{Name: "sent_at", Text: at}}}, nil
	}
	return menus.Result{Outcome: menus.Done}, nil // it is about to leave
}

// notice is an SMS to the customer that no action owes. The sender finds it in
// the store's queue.
func notice(msisdn, id, text string, now time.Time) *sessions.Notice {
	return &sessions.Notice{ID: id, Owner: msisdn, To: msisdn, Role: string(menus.RoleCustomer), Text: text,
		State: sessions.NoticePending, Created: now, Due: now}
}

// wishes knows since when each call can be made.
type wishes struct {
	d     *Dialog
	calls map[string]presence
}

// presence is what is known of a call.
type presence struct {
	away time.Time // when it was last seen to be away; zero: never
	back time.Time // the first proof since then that the core works; zero: none
}

// Wishes tells those who asked that a service is back, until ctx ends: as many a
// second as Config.TellRate, once the service was back for Config.TellAfter.
func (d *Dialog) Wishes(ctx context.Context) {
	w := wishes{d: d, calls: map[string]presence{}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.grant(ctx, d.Now())
		}
	}
}

// back says whether a call can be made, and could for some time: nobody who dials
// is told otherwise or turned away for want of room, and the core has proved for
// as long that it works. A process that has just begun knows of no proof.
func (w *wishes) back(call string, now time.Time) bool {
	p := w.calls[call]
	kind, _ := menus.CutParty(call)
	works, full := w.d.Calls.Seen(kind)
	_, down := w.d.unavailable(call)
	switch {
	case down:
		p.away = now
	case full.After(p.away):
		p.away = full
	}
	if !p.back.After(p.away) {
		p.back = time.Time{}
		if works.After(p.away) {
			p.back = works
		}
	}
	w.calls[call] = p
	return !down && !p.back.IsZero() && works.Sub(p.back) >= w.d.TellAfter
}

// grant looks at as many wishes as may be told in a second. While nothing can be
// called it leaves the queue alone, however long that is.
func (w *wishes) grant(ctx context.Context, now time.Time) {
	any := false
	for _, c := range menus.Calls() {
		any = !c.Local && w.back(c.Name, now) || any
	}
	if !any {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, wishLease/2)
	defer cancel()
	records, err := w.d.Store.Claim(ctx, sessions.QueueWishes, w.d.Node, now, wishLease, w.d.TellRate)
	if err != nil {
		if ctx.Err() == nil {
			w.d.Log.Warn("those who wait for a service cannot be read", "err", err)
		}
		return
	}
	for _, r := range records {
		wish, ok := r.(*sessions.Wish)
		if !ok {
			continue
		}
		if err := w.one(ctx, *wish, now); err != nil && !errors.Is(err, sessions.ErrConflict) {
			w.d.Log.Warn("who waits for a service is told later", "call", wish.Call, "err", err)
		}
	}
}

// one tells the customer, gives the wish up, or puts it off. The SMS and the end
// of the wish are one commit: nobody is told twice.
func (w *wishes) one(ctx context.Context, wish sessions.Wish, now time.Time) error {
	records := []sessions.Record{&wish}
	switch {
	case wish.Granted || !wish.Expires.After(now):
		wish.Granted, wish.Due = true, time.Time{}
	case !w.back(wish.Call, now):
		wish.Due = now.Add(wishPause + rand.N(wishPause))
	default:
		wish.Granted, wish.Due = true, time.Time{}
		kind, _ := menus.CutParty(wish.Call)
		text := w.d.Menus.Current().Text("notice_back", wish.Language, menus.Value{Name: "kind", Text: kind}, menus.Value{Name: "code", Text: wish.Code})
		records = append(records, notice(wish.MSISDN, fmt.Sprintf("back/%s/%d", wish.Call, wish.Asked.UnixMicro()), text, now))
	}
	return w.d.Store.Put(ctx, records...)
}
