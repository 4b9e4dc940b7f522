// Package sessions keeps what the gateway must remember: the dialogue a customer
// is in, the actions (money) born from it, the notices (SMS) owed for them, and
// what is known about the customer. It knows nothing of menus, SMPP or cores.
//
//	sessions.go   the records and the Store interface
//	fact.go       what all gateways on one store hold in common
//	check.go      what a record must be before a store takes it
//	operator.go   what operators did, and what they must look at
//	codec.go      the compact, versioned encoding of records (and wire.go)
//	keyring.go    sealing of secrets (AES-GCM), the key file, tokens
//	embedded.go   the default store: sessions in memory and a journal, the rest on pebble
//	valkey.go     the store for several gateways, on Valkey
//	storetest/    the suite that every store passes
//
// Times are kept to the microsecond and come back in UTC; an empty slice comes
// back as nil. What a later release added to a record goes with the record: who
// changes it in place, or in a copy of it, loses nothing of it.
package sessions

import (
	"context"
	"errors"
	"hash/maphash"
	"time"
)

// Errors that every Store returns. Anything else is the store itself failing
// before anything was written.
var (
	ErrNotFound = errors.New("sessions: no such record")
	// ErrConflict says that another step, node or recovery was faster: nothing
	// of the commit was written.
	ErrConflict = errors.New("sessions: the record was changed by another writer")
	// ErrInvalid says that a record was refused as it is: an empty or impossible
	// key, another customer's record, one too big, two of the same. Nothing was
	// written and trying again does not help.
	ErrInvalid = errors.New("sessions: the record cannot be stored")
	// ErrUncertain says that a commit may or may not have been written (its
	// answer was lost or came too late). Whoever goes on reloads first.
	ErrUncertain = errors.New("sessions: it is not known whether the commit was written")
	// ErrNotDurable comes with ErrUncertain: the commit was written, but not on
	// as much durable storage as was asked for, so that a crash or a failover
	// may undo it. What it was to make safe (sending a request, M1) must not
	// happen.
	ErrNotDurable = errors.New("sessions: the commit is not durable")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("sessions: the store is closed")
)

// Bounds of what a store takes.
const (
	MaxRecord   = 1 << 20  // octets of one encoded record
	MaxRevision = 16 << 20 // octets of one menu revision's source
	MaxRecords  = 64       // records in one commit
	MaxClaim    = 4096     // records of one Claim
)

// Key names a dialogue: network ids are short and recycled, so the same ID from
// another number is another dialogue.
type Key struct {
	Network string // one operator's USSD gateway, shared by all its binds; no ":"
	MSISDN  string // E.164 digits without "+"; no ":", "{" or "}"
	ID      string // the network's own id of the dialogue
}

// Hash spreads dialogues over tables and lanes of one process; seeds are not stored.
// It leaves the network out, as those are few: two dialogues may have one hash.
func (k Key) Hash(seed maphash.Seed) uint64 {
	return maphash.String(seed, k.MSISDN) ^ maphash.String(seed, k.ID)*0x9E3779B97F4A7C15
}

// Session is one dialogue as it was after its last step.
type Session struct {
	Key      Key
	Version  uint64 // compare-and-set: 0 is "not stored yet"; Commit returns it raised by one
	Ended    bool   // a commit with Ended set removes the session
	Menu     string
	Revision string // content hash of the menus this dialogue began on
	State    []byte // the menu engine's state; its secrets are sealed
	Screen   string // id of the screen last shown, for operators and records
	Asking   bool   // a question is outstanding (M9): only then does an answer count
	Action   string // id of the action that the dialogue waits for; "" if none
	Node     string // the process that made the last step: another one shows the screen first (M7)
	LastHash uint64 // keyed hash of the last input, to know a duplicate; never the input
	LastSeq  uint8  // the dialect's sequence of the last input
	LastAt   time.Time
	Started  time.Time
	Steps    uint32
	Expires  time.Time // the store forgets the session from then on; never zero

	remembered bool
	later      later
}

// Remembered says that a Load returned what this process last wrote or read of
// the session, without asking the store that it shares with others. A commit on
// it that ends with ErrConflict says that another process was faster, now or long
// ago, or that the store fell back on older data: the next Load asks the store.
func (s *Session) Remembered() bool { return s.remembered }

// Arg is a named value. A sealed one holds a secret and has no Value.
type Arg struct {
	Name   string
	Value  string
	Sealed []byte
}

// ActionState is where an action is in its life:
//
//	Accepted -> Sent -> Done | Rejected | Unknown -> Done | Rejected | Manual -> Done | Rejected
//	Accepted -> Expired
type ActionState uint8

// The states of an action.
const (
	Accepted ActionState = iota + 1 // durable; nothing has left
	Sent                            // durable before the first byte of its request leaves
	Done                            // the core confirmed success
	Rejected                        // the core refused, or provably nothing was sent
	Unknown                         // no final answer yet: inquiries go on
	Manual                          // an operator decides
	Expired                         // never sent; no money moved
)

// Final says whether the state ends the action's life.
func (s ActionState) Final() bool { return s == Done || s == Rejected || s == Expired }

// Queues that records wait in until they are due.
const (
	QueueActions = "actions" // recovery of Accepted and Sent, inquiry of Unknown
	QueueNotices = "notices" // SMS to submit
)

// Action is a movement of money (or another change at the core) that a customer
// confirmed. All of it is plain data: names, digits, texts; the one secret is in
// Args, sealed, and is erased by the commit that makes the action Sent.
type Action struct {
	ID       string // UUIDv7, minted once (M2)
	MSISDN   string // the customer who owns it
	Version  uint64 // compare-and-set, as in Session
	State    ActionState
	Session  Key // the dialogue it was born in
	Call     string
	Args     []Arg  // what the core is asked to do
	Vars     []Arg  // the dialogue's variables, to render notices; never a secret
	Menu     string // where its texts are
	Revision string
	Screen   string
	Language string
	WireKey  string // the id on the core's wire (M2)
	Ref      string // the core's transaction reference
	Reason   string // stable code of a refusal
	Detail   string // the core's own words for the record, never shown
	Results  []Arg  // what the core said (balance, fee, ...)
	Inquiry  uint32 // inquiries made
	Deadline time.Time
	Created  time.Time
	SentAt   time.Time
	EndedAt  time.Time
	Due      time.Time // when QueueActions delivers it; zero: never. While leased, the lease's end
	Reverses string    // the action that this one takes back
	Reversal string    // the action that takes this one back
	Proposal Proposal  // what an operator proposed, until another confirms it
	History  []Entry   // what operators did, oldest first

	later later
}

// NoticeState is where a notice is in its life.
type NoticeState uint8

// The states of a notice.
const (
	NoticePending   NoticeState = iota + 1 // to be submitted
	NoticeSubmitted                        // the SMSC took it
	NoticeFailed                           // refused for good; an operator sees it
)

// Notice is one SMS owed to one recipient for one outcome of one action (M5).
type Notice struct {
	ID      string // action id + "/" + role + "/" + outcome: one record each
	Action  string // the action's id
	Owner   string // MSISDN of the action's customer: the record lives with theirs
	Version uint64 // compare-and-set, as in Session
	To      string // MSISDN of the recipient
	Role    string // customer, payee or agent
	Text    string // as submitted, byte for byte, at every try
	State   NoticeState
	Tries   uint32
	Message string // the SMSC's message_id
	Detail  string // why the last try failed
	Created time.Time
	Due     time.Time // when QueueNotices delivers it; zero: never

	later later
}

// Customer is what is remembered about a number between dialogues.
type Customer struct {
	MSISDN    string
	Version   uint64
	Language  string
	Balance   string // last balance the core told, canonical decimal; "" if never
	BalanceAt time.Time
	Recent    []Recent // newest last, at most MaxRecent

	later later
}

// Record is an *Action, *Notice, *Customer, *Discrepancy or *Wish. Each belongs to one customer, and
// all records of a customer can be committed at once.
type Record interface {
	owner() string
	isRecord()
}

func (a *Action) owner() string   { return a.MSISDN }
func (n *Notice) owner() string   { return n.Owner }
func (c *Customer) owner() string { return c.MSISDN }

func (*Action) isRecord()   {}
func (*Notice) isRecord()   {}
func (*Customer) isRecord() {}

// Store remembers. It is safe for use by many goroutines, and every call ends
// when its ctx does.
type Store interface {
	// Load returns a session, or ErrNotFound if there is none or it expired. It
	// may be older than what another process stored: see Session.Remembered.
	// What it returns may be changed freely: nothing of it is shared.
	Load(ctx context.Context, k Key) (Session, error)

	// Commit writes the session and the records at once or not at all,
	// compare-and-set on the Version of each: 0 creates, ErrConflict says that
	// one was changed (or exists, or is gone). All records must belong to
	// s.Key.MSISDN. With more than a Customer among them all of it is durable
	// on return; a plain step (no record, or only a Customer) may roll back in
	// a crash. The returned session, and each record in place, have the new
	// Version; after an error nothing given was changed. A session that expired
	// is gone: its key can be created again. An ended session is removed; one
	// that ends with its first step (Version 0) is never stored.
	//
	// A final action, a notice that is no longer pending, and a closed
	// discrepancy is kept for the store's retention and then removed.
	Commit(ctx context.Context, s Session, records ...Record) (Session, error)

	// Put is Commit without a session: for the ledger's own transitions. All
	// records must belong to one customer; no record at all is no error.
	Put(ctx context.Context, records ...Record) error

	// Action returns one action of a customer, or ErrNotFound.
	Action(ctx context.Context, msisdn, id string) (Action, error)
	// Open returns a customer's actions that are not final, oldest (by Created,
	// then by ID) first; none is no error.
	Open(ctx context.Context, msisdn string) ([]Action, error)
	// Customer returns what is known of a number, or ErrNotFound.
	Customer(ctx context.Context, msisdn string) (Customer, error)
	// Notice returns one notice of its owner, or ErrNotFound.
	Notice(ctx context.Context, owner, id string) (Notice, error)
	// Wish returns what a customer asked to be told of, or ErrNotFound.
	Wish(ctx context.Context, msisdn, call string) (Wish, error)

	// Discrepancy returns one of a customer's, or ErrNotFound.
	Discrepancy(ctx context.Context, msisdn, id string) (Discrepancy, error)
	// Scan calls each with every record of all customers that what names
	// (ScanActions, ScanOpen, ScanDiscrepancies), in no order. A record that
	// changes meanwhile comes as it was before or after, and may come twice;
	// one that is there all the time is not left out. An error of each ends the
	// scan and is returned. It is for operators: it reads the whole store.
	Scan(ctx context.Context, what string, each func(Record) error) error

	// Claim returns up to n records (*Action, *Notice or *Wish) of a queue whose Due
	// is not after now, and leases them to worker: their Due becomes now+lease
	// (in the returned record too; its Version does not change), so that they
	// are delivered again if the worker dies. A Put that moves or clears Due
	// ends the lease. The order among queues of different customers is not
	// promised; nobody starves. A lease may be lost in a crash: delivery is at
	// least once, and it is the Version that keeps a record from being handled
	// twice. The worker's name serves the log.
	Claim(ctx context.Context, queue, worker string, now time.Time, lease time.Duration, n int) ([]Record, error)

	// SaveRevision keeps the source of a menu revision, so that sessions and
	// actions can finish on it after a restart; Revision returns it, or
	// ErrNotFound. It is durable on return; saving it again is no error.
	SaveRevision(ctx context.Context, id string, source []byte) error
	Revision(ctx context.Context, id string) ([]byte, error)

	Shared

	// Health returns nil when a commit would be accepted now.
	Health(ctx context.Context) error
	// Close waits for calls under way; later ones return ErrClosed.
	Close() error
}
