package sessions

import (
	"encoding/binary"
	"time"
)

// Keys of the embedded store. Parts end with a zero octet, which check.go keeps
// out of them; times are big endian, so that they sort.
//
//	'm' layout                          the layout's version
//	'S' msisdn 0 network 0 id -> number(8) session
//	                                    session as a commit with records left it
//	'a' msisdn 0 id                     action
//	'n' msisdn 0 id                     notice
//	'w' msisdn 0 call                   wish
//	'c' msisdn                          customer
//	'd' msisdn 0 id                     discrepancy
//	'o' msisdn                          ids of the open actions, each with its length
//	'q' kind due(8) msisdn 0 id         in a queue until due
//	'e' seconds(8) key -> version(8)    key may have expired by then
//	'r' id                              source of a menu revision
//	'f' name                            fact: version(8) value
//
// Sessions are in the journal; 'S' has those that were committed together with
// records, with the number of the journal's record: it is as durable as they are,
// and if the journal's end is lost the session is found here. The number alone
// says that the session ended. Each goes when the journal's files before that
// number have gone. Layout 1 had all sessions here, under 's'.
//
// A record's 'e' names the version that may go: if it was changed since, another
// 'e' exists.
var layoutKey = []byte("mlayout")

const (
	prefixKept   = 'S'
	prefixOpen   = 'o'
	prefixQueue  = 'q'
	prefixExpiry = 'e'
	prefixRev    = 'r'
	prefixFact   = 'f'
)

func keptKey(k Key) []byte {
	b := make([]byte, 0, 3+len(k.MSISDN)+len(k.Network)+len(k.ID))
	b = append(b, prefixKept)
	b = append(append(b, k.MSISDN...), 0)
	b = append(append(b, k.Network...), 0)
	return append(b, k.ID...)
}

// recordKey is the key of an action, a notice, a discrepancy, or (without id) a customer.
func recordKey(kind byte, msisdn, id string) []byte {
	b := make([]byte, 0, 2+len(msisdn)+len(id))
	b = append(append(b, kind), msisdn...)
	if kind == kindCustomer {
		return b
	}
	return append(append(b, 0), id...)
}

func openKey(msisdn string) []byte { return append([]byte{prefixOpen}, msisdn...) }

func revisionKey(id string) []byte { return append([]byte{prefixRev}, id...) }

func factKey(name string) []byte { return append([]byte{prefixFact}, name...) }

// queueKey is the place of a record (by its recordKey) in its queue. With no
// record it is the queue's part up to that time.
func queueKey(due uint64, kind byte, record []byte) []byte {
	b := make([]byte, 0, 10+len(record))
	b = append(b, prefixQueue, kind)
	b = binary.BigEndian.AppendUint64(b, due)
	if len(record) > 0 {
		b = append(b, record[1:]...)
	}
	return b
}

const queueHead = 10 // octets of a queueKey before the record

func expirySecond(at time.Time) uint64 { return uint64(max(0, at.Unix()+1)) }

func expiryKey(second uint64, key []byte) []byte {
	b := make([]byte, 0, 9+len(key))
	b = append(b, prefixExpiry)
	b = binary.BigEndian.AppendUint64(b, second)
	return append(b, key...)
}

const expiryHead = 9 // octets of an expiryKey before the key
