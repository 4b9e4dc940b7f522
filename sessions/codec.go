package sessions

import "encoding/binary"

// The flags of a session's first field.
const (
	flagAsking = 1 << iota
	flagEnded
)

// AppendBinary appends the session's stored form. It never fails.
func (s *Session) AppendBinary(dst []byte) ([]byte, error) {
	dst = appendHeader(dst, kindSession, s.Version, s.Expires)
	var flags byte
	if s.Asking {
		flags |= flagAsking
	}
	if s.Ended {
		flags |= flagEnded
	}
	dst = append(dst, flags, s.LastSeq)
	dst = binary.BigEndian.AppendUint64(dst, s.LastHash)
	dst = appendKey(dst, s.Key)
	dst = appendString(dst, s.Menu)
	dst = appendString(dst, s.Revision)
	dst = appendString(dst, s.State)
	dst = appendString(dst, s.Screen)
	dst = appendString(dst, s.Action)
	dst = appendString(dst, s.Node)
	dst = appendTime(dst, s.LastAt)
	dst = appendTime(dst, s.Started)
	return append(binary.AppendUvarint(dst, uint64(s.Steps)), s.later...), nil
}

// MarshalBinary returns the session's stored form.
func (s *Session) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary reads what AppendBinary wrote, of this release or another one
// of the same format: fields that it does not know are kept, and written again by
// AppendBinary. After an error the session is unchanged.
func (s *Session) UnmarshalBinary(row []byte) error { return s.decode(string(row)) }

func (s *Session) decode(row string) error {
	r, h, err := read(row, kindSession)
	if err != nil {
		return err
	}
	flags := r.octet()
	d := Session{
		Version:  h.version,
		Expires:  timeOf(h.time),
		Asking:   flags&flagAsking != 0,
		Ended:    flags&flagEnded != 0,
		LastSeq:  r.octet(),
		LastHash: r.uint64(),
		Key:      r.key(),
		Menu:     r.string(),
		Revision: r.string(),
		State:    r.bytes(),
		Screen:   r.string(),
		Action:   r.string(),
		Node:     r.string(),
		LastAt:   r.time(),
		Started:  r.time(),
		Steps:    r.uint32(),
		later:    r.later(),
	}
	if r.err == nil {
		*s = d
	}
	return r.err
}

func appendKey(dst []byte, k Key) []byte {
	dst = appendString(dst, k.Network)
	dst = appendString(dst, k.MSISDN)
	return appendString(dst, k.ID)
}

func (r *reader) key() Key {
	return Key{Network: r.string(), MSISDN: r.string(), ID: r.string()}
}

// AppendBinary appends the action's stored form. It never fails.
func (a *Action) AppendBinary(dst []byte) ([]byte, error) {
	dst = appendHeader(dst, kindAction, a.Version, a.Due)
	dst = append(dst, byte(a.State))
	dst = appendString(dst, a.ID)
	dst = appendString(dst, a.MSISDN)
	dst = appendKey(dst, a.Session)
	dst = appendString(dst, a.Call)
	dst = appendArgs(dst, a.Args)
	dst = appendArgs(dst, a.Vars)
	dst = appendString(dst, a.Menu)
	dst = appendString(dst, a.Revision)
	dst = appendString(dst, a.Screen)
	dst = appendString(dst, a.Language)
	dst = appendString(dst, a.WireKey)
	dst = appendString(dst, a.Ref)
	dst = appendString(dst, a.Reason)
	dst = appendString(dst, a.Detail)
	dst = appendArgs(dst, a.Results)
	dst = binary.AppendUvarint(dst, uint64(a.Inquiry))
	dst = appendTime(dst, a.Deadline)
	dst = appendTime(dst, a.Created)
	dst = appendTime(dst, a.SentAt)
	dst = appendTime(dst, a.EndedAt)
	return append(a.appendOperator(dst), a.later...), nil
}

// MarshalBinary returns the action's stored form.
func (a *Action) MarshalBinary() ([]byte, error) { return a.AppendBinary(nil) }

// UnmarshalBinary is as Session's.
func (a *Action) UnmarshalBinary(row []byte) error { return a.decode(string(row)) }

func (a *Action) decode(row string) error {
	r, h, err := read(row, kindAction)
	if err != nil {
		return err
	}
	d := Action{
		Version:  h.version,
		Due:      timeOf(h.time),
		State:    ActionState(r.octet()),
		ID:       r.string(),
		MSISDN:   r.string(),
		Session:  r.key(),
		Call:     r.string(),
		Args:     r.args(),
		Vars:     r.args(),
		Menu:     r.string(),
		Revision: r.string(),
		Screen:   r.string(),
		Language: r.string(),
		WireKey:  r.string(),
		Ref:      r.string(),
		Reason:   r.string(),
		Detail:   r.string(),
		Results:  r.args(),
		Inquiry:  r.uint32(),
		Deadline: r.time(),
		Created:  r.time(),
		SentAt:   r.time(),
		EndedAt:  r.time(),
	}
	if r.s != "" {
		d.decodeOperator(r)
		d.later = r.later()
	}
	if r.err == nil {
		*a = d
	}
	return r.err
}

// AppendBinary appends the notice's stored form. It never fails.
func (n *Notice) AppendBinary(dst []byte) ([]byte, error) {
	dst = appendHeader(dst, kindNotice, n.Version, n.Due)
	dst = append(dst, byte(n.State))
	dst = appendString(dst, n.ID)
	dst = appendString(dst, n.Action)
	dst = appendString(dst, n.Owner)
	dst = appendString(dst, n.To)
	dst = appendString(dst, n.Role)
	dst = appendString(dst, n.Text)
	dst = binary.AppendUvarint(dst, uint64(n.Tries))
	dst = appendString(dst, n.Message)
	dst = appendString(dst, n.Detail)
	return append(appendTime(dst, n.Created), n.later...), nil
}

// MarshalBinary returns the notice's stored form.
func (n *Notice) MarshalBinary() ([]byte, error) { return n.AppendBinary(nil) }

// UnmarshalBinary is as Session's.
func (n *Notice) UnmarshalBinary(row []byte) error { return n.decode(string(row)) }

func (n *Notice) decode(row string) error {
	r, h, err := read(row, kindNotice)
	if err != nil {
		return err
	}
	d := Notice{
		Version: h.version,
		Due:     timeOf(h.time),
		State:   NoticeState(r.octet()),
		ID:      r.string(),
		Action:  r.string(),
		Owner:   r.string(),
		To:      r.string(),
		Role:    r.string(),
		Text:    r.string(),
		Tries:   r.uint32(),
		Message: r.string(),
		Detail:  r.string(),
		Created: r.time(),
		later:   r.later(),
	}
	if r.err == nil {
		*n = d
	}
	return r.err
}

// AppendBinary appends the customer's stored form. It never fails.
func (c *Customer) AppendBinary(dst []byte) ([]byte, error) {
	dst = appendHeader(dst, kindCustomer, c.Version, c.BalanceAt)
	dst = appendString(dst, c.MSISDN)
	dst = appendString(dst, c.Language)
	dst = appendString(dst, c.Balance)
	return append(c.appendRecent(dst), c.later...), nil
}

// MarshalBinary returns the customer's stored form.
func (c *Customer) MarshalBinary() ([]byte, error) { return c.AppendBinary(nil) }

// UnmarshalBinary is as Session's.
func (c *Customer) UnmarshalBinary(row []byte) error { return c.decode(string(row)) }

func (c *Customer) decode(row string) error {
	r, h, err := read(row, kindCustomer)
	if err != nil {
		return err
	}
	d := Customer{
		Version:   h.version,
		BalanceAt: timeOf(h.time),
		MSISDN:    r.string(),
		Language:  r.string(),
		Balance:   r.string(),
	}
	if r.s != "" {
		d.decodeRecent(r)
		d.later = r.later()
	}
	if r.err == nil {
		*c = d
	}
	return r.err
}

// decodeDue reads a record of one of the queues.
func decodeDue(kind byte, row string) (Record, error) {
	switch kind {
	case kindAction:
		a := new(Action)
		return a, a.decode(row)
	case kindWish:
		w := new(Wish)
		return w, w.decode(row)
	}
	n := new(Notice)
	return n, n.decode(row)
}
