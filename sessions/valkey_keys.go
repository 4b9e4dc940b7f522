package sessions

import "strconv"

// slots is how many key tags there are: few enough to walk all queues, enough
// to spread over any cluster. It is part of the stored layout.
const slots = 256

func slotOf(msisdn string) int { return int(fnv64(msisdn) % slots) }

// slotKey begins every key of a slot: the prefix and "{s012}:".
func (v *Valkey) slotKey(slot int) string {
	n := strconv.Itoa(slot)
	return v.opts.Prefix + "{s" + "000"[len(n):] + n + "}:"
}

func (v *Valkey) sessionKey(k Key) string {
	return v.slotKey(slotOf(k.MSISDN)) + "s:" + k.MSISDN + ":" + k.Network + ":" + k.ID
}

// memberOf names an action or a notice within its slot and kind.
func memberOf(msisdn, id string) string { return msisdn + ":" + id }

func (v *Valkey) recordKey(kind byte, msisdn, id string) string {
	base := v.slotKey(slotOf(msisdn)) + string(kind) + ":"
	if kind == kindCustomer {
		return base + msisdn
	}
	return base + memberOf(msisdn, id)
}

func (v *Valkey) queueKey(slot int, kind byte) string {
	switch kind {
	case kindAction:
		return v.slotKey(slot) + "q:" + QueueActions
	case kindWish:
		return v.slotKey(slot) + "q:" + QueueWishes
	}
	return v.slotKey(slot) + "q:" + QueueNotices
}

func (v *Valkey) openKey(msisdn string) string {
	return v.slotKey(slotOf(msisdn)) + "o:" + msisdn
}
