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

// queueKey is the key of a slot's queue of actions, notices or wishes.
func (v *Valkey) queueKey(slot int, kind byte) string { return v.queues[kind][slot] }

// queueKeys are the keys of all queues, by kind and slot.
func (v *Valkey) queueKeys() map[byte][]string {
	all := map[byte][]string{}
	for kind, name := range map[byte]string{kindAction: QueueActions, kindNotice: QueueNotices, kindWish: QueueWishes} {
		for slot := range slots {
			all[kind] = append(all[kind], v.slotKey(slot)+"q:"+name)
		}
	}
	return all
}

func (v *Valkey) openKey(msisdn string) string {
	return v.slotKey(slotOf(msisdn)) + "o:" + msisdn
}
