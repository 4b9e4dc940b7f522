package menus

import (
	"regexp"
	"time"
)

// Program is one menu, compiled: screens, variables and languages are numbers.
// It is immutable and safe for use by many goroutines.
type Program struct {
	menu        string
	codes       []string
	resume      Resume
	env         Env
	fingerprint uint32
	langs       []string
	sys         []*sysLang // by language
	footers     []footer   // by language
	again       Again
	insist      [][]byte // by language: the line of the key that does the same a second time
	start       int
	screens     []screen
	vars        []variable // by slot; secrets are apart
	secrets     int
	secretNames []string // by slot of the secrets
	tries       uint8
	keyBack     string
	keyHome     string
	keyMore     string
	closed      bool // under maintenance: nobody gets in
	aliases     []alias
	keywords    []string
}

// Menu is the menu's name.
func (p *Program) Menu() string { return p.menu }

// Codes are what is dialled to open the menu.
func (p *Program) Codes() []string { return p.codes }

// Languages of the menu, the default first.
func (p *Program) Languages() []string { return p.langs }

// Resume is what the menu wants when a customer dials again after a dropped
// dialogue.
func (p *Program) Resume() Resume { return p.resume }

// Resume says how a dropped dialogue goes on at the next dial.
type Resume struct {
	Mode   string // "ask", "continue" or "restart"
	Within time.Duration
}

// Again is what the menu wants when a customer does the same a second time: the
// same call with the same arguments.
func (p *Program) Again() Again { return p.again }

// Again says when an action that is done counts as the same, and which key does
// it a second time. While the first has no final outcome it always counts.
type Again struct {
	Within time.Duration
	Key    string
}

type variable struct {
	name string
	typ  valueType
	// of a choice: what its values read as
	choices []choice
}

// footer is the lines below a screen, each with its line break in front.
type footer struct{ back, home, more []byte }

type kind uint8

const (
	kindMenu kind = iota + 1
	kindInput
	kindConfirm
	kindFetch
	kindAction
	kindMessage
	kindEnd
	kindList
	kindChoose
)

var kindNames = []string{kindMenu: "menu", kindInput: "input", kindConfirm: "confirm", kindFetch: "fetch", kindAction: "action", kindMessage: "message", kindEnd: "end",
	kindList: "list", kindChoose: "choose"}

// interactive screens are shown; the others lead on by themselves.
func (k kind) interactive() bool { return !k.calls() && k != kindChoose }

func (k kind) calls() bool { return k == kindFetch || k == kindAction }

const noScreen = -1

type screen struct {
	id      string
	kind    kind
	secret  bool // asks for a secret
	noBack  bool // back skips it: it asks for a secret, or lives on one
	holds   bool // a secret may have been typed on the way to it
	file    string
	line    int   // in file, from 1
	col     int   // in characters, from 1
	given   []int // slots of the variables that have a value on every way to it, but for the customer's
	text    [][]seg
	options []option
	input   *inputSpec
	next    int // of input and confirm
	no      int // of a confirm without a secret
	call    *callSpec
	each    *eachSpec
	list    *listSpec
	ways    []way // of a choose
	tell    bool  // offers an SMS when the call that was unavailable is back
	sms     *smsSpec
}

type option struct {
	id      string
	label   [][]seg
	next    int
	when    *condition
	needs   string // the call without which it cannot be chosen, with the party that it sets
	instead int    // the screen it leads to then; negative: it says so
	lang    string // set: {language: ...}
	set     []assign
}

// assign sets a variable from another or, if from is negative, to a literal.
type assign struct {
	slot, from int
	literal    string
}

type inputSpec struct {
	typ            valueType
	slot           int // of a variable, or of a secret
	hasMin, hasMax bool
	min, max       int64 // money in minor units, numbers; dates in days from today if relative
	minDate        dateBound
	maxDate        dateBound
	minLen, maxLen int
	pattern        *regexp.Regexp
	choices        []choice
	same           int      // the secret that it must equal; negative: none
	errors         []string // by language
}

// dateBound is a day, or a number of days from today.
type dateBound struct {
	set      bool
	relative bool
	days     int
	day      time.Time
}

type callSpec struct {
	def      *callDef
	args     []argSpec
	party    int // the place of the argument that names a biller, till or agent; negative: none
	saves    []save
	clear    []int // slots that an older answer may have filled
	forget   []int // secrets that are the same as one that it takes
	deadline time.Duration
	done     int
	rejected []reasonBranch
	refused  int // rejected for any other reason
	unknown  int
	down     int
	notices  []notice
}

type argSpec struct {
	name     string
	typ      valueType
	slot     int // of a variable or secret; negative for a literal
	literal  string
	optional bool
}

type save struct {
	field  string
	slot   int
	typ    valueType
	always bool
}

type reasonBranch struct {
	code string
	way  string // its name in Flow
	next int
}

type notice struct {
	role    Role
	outcome Outcome
	text    [][]seg
}

// eachSpec renders the rows of a statement below the text.
type eachSpec struct {
	slot  int
	text  [][]seg
	empty [][]seg
}

// smsSpec is an SMS that a screen sends to the customer.
type smsSpec struct {
	text [][]seg
	each *eachSpec
}

// listSpec is rows of which the customer chooses one.
type listSpec struct {
	slot  int // of the rows
	row   [][]seg
	empty [][]seg
	set   []rowAssign
}

// rowAssign sets a variable from a field of the chosen row.
type rowAssign struct{ slot, field int }

// way is a branch of a choose: taken if its condition holds, or has none.
type way struct {
	name string // in Flow
	when *condition
	next int
}

// choice is one of the answers to an input of that type.
type choice struct {
	value  string
	labels []string // by language
}
